// Command publish builds releases of the stand-in app as their publisher would hand them out. The same sources
// and the same compiler give the same bytes. It never decides what a release does: the table says it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// entry is one release in the table: which migrations it brings and what is wrong with it.
type entry struct {
	About      string   `json:"about"`
	Schema     string   `json:"schema"`
	Also       []string `json:"also"`
	Behaviour  string   `json:"behaviour"`
	StartDelay string   `json:"start_delay"`
	// Reports is the version the binary names itself when that is not its tag.
	Reports string `json:"reports"`
}

func main() {
	log.SetFlags(0)
	table := flag.String("table", "../versions.json", "table of releases")
	license := flag.String("license", "../../../LICENSE", "licence text for the archives")
	out := flag.String("out", "", "directory that gets one directory per tag")
	flag.Parse()
	entries, err := readTable(*table)
	if err != nil {
		log.Fatalf("cannot read the table of releases: %v", err)
	}
	for _, wanted := range flag.Args() {
		if err := publish(entries, wanted, *license, *out); err != nil {
			log.Fatalf("cannot publish %s: %v", wanted, err)
		}
	}
}

func readTable(path string) (map[string]entry, error) {
	text, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer text.Close()
	decoder := json.NewDecoder(text)
	decoder.DisallowUnknownFields()
	entries := map[string]entry{}
	return entries, decoder.Decode(&entries)
}

// publish makes the release `TAG`, or with `TAG=ENTRY` the entry's release under another tag: tests rename
// releases so that nothing can be recognised by its number.
func publish(entries map[string]entry, wanted, license, out string) error {
	tag, name := wanted, wanted
	if left, right, renamed := strings.Cut(wanted, "="); renamed {
		tag, name = left, right
	}
	described, known := entries[name]
	if !known {
		return fmt.Errorf("the table has no %s", name)
	}
	work, err := os.MkdirTemp("", "standin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	binary := filepath.Join(work, "vikunja-"+tag+"-linux-amd64")
	if err := build(binary, tag, described); err != nil {
		return err
	}
	dir := filepath.Join(out, tag)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return pack(filepath.Join(dir, filepath.Base(binary)+"-full.zip"), binary, license)
}

// build compiles the app as one static binary, so that the guest's C library does not matter.
func build(binary, tag string, described entry) error {
	reports := tag
	if described.Reports != "" {
		reports = described.Reports
	}
	const settings = " -X homeport.test/standin/internal/release."
	flags := "-s -w -buildid= -linkmode external -extldflags '-static -Wl,--build-id=none'" +
		settings + "Version=" + reports +
		settings + "Schema=" + described.Schema +
		settings + "Also=" + strings.Join(described.Also, ",") +
		settings + "Behaviour=" + described.Behaviour +
		settings + "StartDelay=" + described.StartDelay
	command := exec.Command("go", "build", "-buildvcs=false", "-trimpath",
		"-tags", "osusergo netgo sqlite_omit_load_extension", "-ldflags", flags, "-o", binary, ".")
	command.Env = append(os.Environ(), "CGO_ENABLED=1", "GOOS=linux", "GOARCH=amd64")
	command.Stderr = os.Stderr
	return command.Run()
}
