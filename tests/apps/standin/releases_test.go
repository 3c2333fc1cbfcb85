package main

import (
	"syscall"
	"testing"
	"time"
)

func TestOlderReleaseRunsOnNewerSchema(t *testing.T) {
	dir := onceOlder(t)
	fresh := t.TempDir()
	run(t, built(t, newer), dir, nil, "migrate")
	run(t, built(t, newer), fresh, nil, "migrate")
	const schema = `SELECT type || name FROM sqlite_master ORDER BY 1`
	upgraded, created := query(t, dir, schema), query(t, fresh, schema)
	if len(upgraded) != len(created) {
		t.Fatalf("upgraded %v\ncreated %v", upgraded, created)
	}
	a := start(t, built(t, older), dir)
	a.task(a.account("bob"))
	if ids := query(t, dir, migrationsOf); len(ids) != 8 {
		t.Fatalf("the older release changed the list: %v", ids)
	}
}

func TestFailingMigrationStaysHalfDoneAndUnrecorded(t *testing.T) {
	broken := built(t, newer, "Also=20260902080000")
	dir := onceOlder(t)
	for attempt := 0; attempt < 2; attempt++ {
		a := launch(t, broken, dir)
		if status := a.exit(5 * time.Second); status.ExitStatus() != 1 {
			t.Fatalf("exit code %d", status.ExitStatus())
		}
		contains(t, a.log.String(), "migration 20260902080000 (handles of users) failed")
	}
	if half := query(t, dir, `SELECT name FROM sqlite_master WHERE name = 'user_handles'`); len(half) != 1 {
		t.Fatal("the first half is not there")
	}
	if ids := query(t, dir, migrationsOf); ids[len(ids)-2] != "20260801173000" {
		t.Fatalf("recorded: %v", ids)
	}
	start(t, broken, t.TempDir()).account("ann")
}

func TestFaults(t *testing.T) {
	unhealthy := launch(t, built(t, newer, "Behaviour=unhealthy"), t.TempDir())
	eventually(unhealthy, "/api/v1/info")
	unhealthy.want(500, nil, "GET", "/health", "", nil)

	crash := launch(t, built(t, newer, "Behaviour=crash"), t.TempDir())
	if status := crash.exit(5 * time.Second); status.ExitStatus() != 2 {
		t.Errorf("crash: exit code %d", status.ExitStatus())
	}
	blank := start(t, built(t, newer, "Behaviour=blank-page"), t.TempDir())
	if status, body := blank.ask("GET", "/", "", nil); status != 200 || len(body) != 0 {
		t.Errorf("blank page: %d %q", status, body)
	}
	named := start(t, built(t, newer, "Reports=5d41402abc"), t.TempDir())
	var info struct{ Version string }
	if named.want(200, &info, "GET", "/api/v1/info", "", nil); info.Version != "5d41402abc" {
		t.Errorf("version %q", info.Version)
	}
	hanging := start(t, built(t, newer, "Behaviour=hang-on-stop"), t.TempDir())
	hanging.cmd.Process.Signal(syscall.SIGINT)
	hanging.alive(11 * time.Second)
	hanging.want(200, nil, "GET", "/api/v1/info", "", nil)
}

func TestSlowStartListensLate(t *testing.T) {
	begun := time.Now()
	a := launch(t, built(t, newer, "StartDelay=2s"), t.TempDir())
	eventually(a, "/api/v1/info")
	if took := time.Since(begun); took < 2*time.Second {
		t.Fatalf("answered after %s", took)
	}
}

// eventually waits until the path answers at all.
func eventually(a *app, path string) {
	a.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if status, _ := a.ask("GET", path, "", nil); status != 0 {
			return
		}
	}
	a.t.Fatalf("no answer within 10 s:\n%s", a.log)
}
