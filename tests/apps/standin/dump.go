package main

import (
	"archive/zip"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"code.vikunja.io/api/internal/applog"
	"code.vikunja.io/api/internal/config"
	"code.vikunja.io/api/internal/release"
	"code.vikunja.io/api/internal/store"
)

// dump writes settings, tables and files into a zip, after migrating. A failure is only logged: the exit code is
// 0 either way, and only the last line tells.
func dump(args []string) {
	flags := flag.NewFlagSet("dump", flag.ExitOnError)
	dir := flags.String("p", ".", "directory")
	name := flags.String("f", "vikunja-dump_"+time.Now().Format("2006-01-02_15-04-05")+".zip", "file name")
	flags.Parse(args)
	c, s := boot()
	path := filepath.Join(*dir, *name)
	if err := writeDump(path, c, s); err != nil {
		applog.Errorf("cannot write the dump: %v", err)
		return
	}
	applog.Infof("Done creating dump: %s", path)
}

func writeDump(path string, c *config.Config, s *store.Store) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	for _, part := range []func(*zip.Writer, *config.Config, *store.Store) error{dumpSettings, dumpTables, dumpFiles} {
		if err := part(archive, c, s); err != nil {
			return err
		}
	}
	return archive.Close()
}

// dumpSettings adds the version, the config file and all VIKUNJA_ variables, secrets included.
func dumpSettings(archive *zip.Writer, c *config.Config, _ *store.Store) error {
	if err := add(archive, "VERSION", strings.NewReader(release.Version())); err != nil {
		return err
	}
	variables := []string{}
	for _, variable := range os.Environ() {
		if strings.HasPrefix(variable, "VIKUNJA_") {
			variables = append(variables, variable)
		}
	}
	if err := add(archive, ".env", strings.NewReader(strings.Join(variables, "\n"))); err != nil {
		return err
	}
	if c.File == "" {
		return nil
	}
	return addFile(archive, filepath.Base(c.File), c.File)
}

// dumpTables adds one JSON file per table, each read on its own: no consistent picture under load.
func dumpTables(archive *zip.Writer, _ *config.Config, s *store.Store) error {
	tables, err := s.Tables()
	if err != nil {
		return err
	}
	for _, table := range tables {
		rows, err := s.Rows(table)
		if err != nil {
			return err
		}
		text, err := json.Marshal(rows)
		if err != nil {
			return err
		}
		if err := add(archive, "database/"+table+".json", strings.NewReader(string(text))); err != nil {
			return err
		}
	}
	return nil
}

func dumpFiles(archive *zip.Writer, c *config.Config, _ *store.Store) error {
	entries, err := os.ReadDir(c.FilesDir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := addFile(archive, "files/"+entry.Name(), filepath.Join(c.FilesDir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func addFile(archive *zip.Writer, name, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return add(archive, name, file)
}

func add(archive *zip.Writer, name string, content io.Reader) error {
	entry, err := archive.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, content)
	return err
}
