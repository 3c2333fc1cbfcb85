package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func exists(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
}

func absent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s exists (%v)", path, err)
	}
}

func TestBusyPortLeavesAProcessThatServesNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	a := launch(t, built(t, older), t.TempDir(), "VIKUNJA_SERVICE_INTERFACE="+taken.Addr().String())
	a.alive(1500 * time.Millisecond)
	contains(t, a.log.String(), "Server error: listen tcp")
}

func TestBrokenYamlMeansDefaults(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config.yml"), "database:\n  path: elsewhere.db\n service: [\n")
	a := start(t, built(t, older), dir)
	contains(t, a.log.String(), "Using default config.")
	exists(t, filepath.Join(dir, "vikunja.db"))
	absent(t, filepath.Join(dir, "elsewhere.db"))
}

func TestFileBeatsDefaultsAndEnvironmentBeatsFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config.yml"), "database:\n  path: elsewhere.db\nservice:\n  motd: file\n")
	a := start(t, built(t, older), dir, "VIKUNJA_SERVICE_MOTD=environment", "VIKUNJA_NO_SUCH_KEY=ignored")
	contains(t, a.log.String(), "Using config file: "+filepath.Join(dir, "config.yml"))
	exists(t, filepath.Join(dir, "elsewhere.db"))
	var info struct{ Motd string }
	a.want(200, &info, "GET", "/api/v1/info", "", nil)
	if info.Motd != "environment" {
		t.Fatalf("motd %q", info.Motd)
	}
}

func TestFatalSettings(t *testing.T) {
	occupied := filepath.Join(t.TempDir(), "file")
	write(t, occupied, "")
	for variable, message := range map[string]string{
		"VIKUNJA_DATABASE_TYPE=postgresql":         "Unknown database type postgresql",
		"VIKUNJA_DATABASE_TYPE=sqlite3":            "Unknown database type sqlite3",
		"VIKUNJA_DATABASE_TYPE=postgres":           "database type postgres is not built in",
		"VIKUNJA_DATABASE_TYPE=mysql":              "database type mysql is not built in",
		"VIKUNJA_DATABASE_PATH=/no/such/dir/db":    "cannot connect to the database",
		"VIKUNJA_SERVICE_PUBLICURL=":               "service.publicurl is required",
		"VIKUNJA_SERVICE_PUBLICURL=todo.example":   "not an http or https URL",
		"VIKUNJA_SERVICE_TIMEZONE=Europe/Atlantis": "unknown time zone",
		"VIKUNJA_SERVICE_SECRET_FILE=/no/such":     "cannot read the file given for service.secret",
		"VIKUNJA_FILES_BASEPATH=" + occupied:       "files directory",
	} {
		a := launch(t, built(t, older), t.TempDir(), variable)
		if status := a.exit(5 * time.Second); status.ExitStatus() != 1 {
			t.Errorf("%s: exit code %d", variable, status.ExitStatus())
		}
		contains(t, a.log.String(), message)
	}
}

func TestPublicURLIsNotNeededWithoutCors(t *testing.T) {
	start(t, built(t, older), t.TempDir(), "VIKUNJA_SERVICE_PUBLICURL=", "VIKUNJA_CORS_ENABLE=false")
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "with-newline"), "known\n")
	write(t, filepath.Join(dir, "with-space"), "known \n")
	same := start(t, built(t, older), dir)
	token := same.account("ann")
	for variable, status := range map[string]int{
		"VIKUNJA_SERVICE_SECRET_FILE=with-newline":                          200,
		"VIKUNJA_SERVICE_SECRET_FILE=with-space":                            401,
		"VIKUNJA_SERVICE_JWTSECRET=ignored beside the newer name":           200,
		"VIKUNJA_SERVICE_SECRET=":                                           401,
		"VIKUNJA_SERVICE_SECRET=another":                                    401,
		"VIKUNJA_SERVICE_SECRET_FILE=$HOME/with-newline":                    200,
		"VIKUNJA_SERVICE_SECRET_FILE=" + filepath.Join(dir, "with-newline"): 200,
	} {
		restarted := start(t, built(t, older), dir, variable)
		if got, body := restarted.ask("GET", "/api/v1/projects", token, nil); got != status {
			t.Errorf("%s: status %d, want %d: %s", variable, got, status, body)
		}
	}
	onlyOld := start(t, built(t, older), dir, "VIKUNJA_SERVICE_SECRET=", "VIKUNJA_SERVICE_JWTSECRET=known")
	onlyOld.want(200, nil, "GET", "/api/v1/projects", token, nil)
	contains(t, onlyOld.log.String(), "deprecated")
}
