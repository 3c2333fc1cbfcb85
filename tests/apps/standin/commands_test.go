package main

import (
	"archive/zip"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// query reads one text column of the database in dir.
func query(t *testing.T, dir, text string) []string {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "vikunja.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := []string{}
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			t.Fatal(err)
		}
		found = append(found, one)
	}
	return found
}

// onceOlder makes a directory in which the older release has run, with one user in it.
func onceOlder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, code := run(t, built(t, older), dir, nil, "user", "create", "-u", "ann", "-e", "ann@example.org", "-p", "long enough")
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	return dir
}

const migrationsOf = `SELECT id FROM migration ORDER BY id`

func TestMostCommandsMigrate(t *testing.T) {
	for command, migrates := range map[string]bool{
		"healthcheck": true, "user list": true, "dump": true, "migrate": true,
		"user create -u bob -e bob@example.org -p longenough": true,
		"user reset-password ann --direct -p longenough":      true,
		"version": false, "doctor": false, "migrate list": false,
	} {
		dir := onceOlder(t)
		before := len(query(t, dir, migrationsOf))
		out, code := run(t, built(t, newer), dir, nil, strings.Fields(command)...)
		if code != 0 {
			t.Errorf("%s: exit code %d:\n%s", command, code, out)
		}
		if added := len(query(t, dir, migrationsOf)) - before; (added == 2) != migrates || (added == 0) == migrates {
			t.Errorf("%s ran %d migrations", command, added)
		}
	}
}

func TestWhatCommandsSay(t *testing.T) {
	dir := onceOlder(t)
	for command, wanted := range map[string]string{
		"version":      "Vikunja api version dev\nBuilt with go",
		"healthcheck":  "API server is healthy",
		"user list":    "1\tann\tann@example.org",
		"doctor":       "All checks passed",
		"migrate list": "20260719145900\nSCHEMA_INIT",
		"dump":         "Done creating dump",
	} {
		out, code := run(t, built(t, older), dir, nil, strings.Fields(command)...)
		contains(t, out, wanted)
		if code != 0 {
			t.Errorf("%s: exit code %d", command, code)
		}
	}
	if out, code := run(t, built(t, older), dir, nil, "nonsense"); code != 1 {
		t.Errorf("unknown command: exit code %d:\n%s", code, out)
	}
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	out, code := run(t, built(t, older), t.TempDir(),
		[]string{"VIKUNJA_SERVICE_SECRET=", "VIKUNJA_DATABASE_TYPE=mysql"}, "doctor")
	contains(t, out, "2 check(s) failed")
	if code != 1 {
		t.Fatalf("exit code %d", code)
	}
}

func TestCommandsUseWhateverDirectoryTheyStandIn(t *testing.T) {
	stray := t.TempDir()
	run(t, built(t, older), stray, nil, "user", "list")
	exists(t, filepath.Join(stray, "vikunja.db"))
}

func TestDumpHoldsEverythingAndFailsWithZero(t *testing.T) {
	dir := onceOlder(t)
	run(t, built(t, older), dir, nil, "dump", "-f", "all.zip")
	archive, err := zip.OpenReader(filepath.Join(dir, "all.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	names := []string{}
	for _, file := range archive.File {
		names = append(names, file.Name)
	}
	for _, name := range []string{"VERSION", ".env", "database/users.json", "database/migration.json"} {
		contains(t, strings.Join(names, "\n"), name)
	}
	out, code := run(t, built(t, older), dir, nil, "dump", "-p", "/no/such/directory")
	if code != 0 || strings.Contains(out, "Done creating dump") {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	info, err := os.Stat(filepath.Join(dir, "all.zip"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the dump carries secrets: %v %v", info.Mode(), err)
	}
}
