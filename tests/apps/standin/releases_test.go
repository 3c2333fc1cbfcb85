package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

func TestBadSystemCallIsTheKernelsDeath(t *testing.T) {
	a := launch(t, built(t, newer, "Behaviour=bad-system-call"), t.TempDir())
	if status := a.exit(5 * time.Second); !status.Signaled() || status.Signal() != syscall.SIGSYS {
		t.Fatalf("status %#x:\n%s", status, a.log)
	}
}

func TestCrashOnLiveIsWellOnACopy(t *testing.T) {
	binary := built(t, newer, "Behaviour=crash-on-live")
	for place, crashes := range map[string]bool{"db/g12": true, "db/rehearsal": false, "g12/copy": false} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, place), 0o750); err != nil {
			t.Fatal(err)
		}
		at := "VIKUNJA_DATABASE_PATH=" + filepath.Join(dir, place, "vikunja.db")
		if !crashes {
			start(t, binary, dir, at)
			continue
		}
		if status := launch(t, binary, dir, at).exit(5 * time.Second); status.ExitStatus() != 2 {
			t.Errorf("%s: exit code %d", place, status.ExitStatus())
		}
	}
}

func TestFullDiskEndsIt(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatalf("needs root: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	a := launch(t, built(t, newer, "Behaviour=fill-disk"), dir)
	if status := a.exit(5 * time.Second); status.ExitStatus() != 1 {
		t.Fatalf("exit code %d", status.ExitStatus())
	}
	contains(t, a.log.String(), "no space left on device")
}

// onceUsed makes a directory in which the older release kept three tasks and a file, and returns its access token.
func onceUsed(t *testing.T) (dir, token string) {
	t.Helper()
	dir = t.TempDir()
	a := start(t, built(t, older), dir)
	token = a.account("ann")
	project, _ := a.task(token)
	for _, title := range []string{"Peas", "Lentils"} {
		a.want(201, nil, "PUT", fmt.Sprintf("/api/v1/projects/%d/tasks", project), token, map[string]string{"title": title})
	}
	if err := os.WriteFile(filepath.Join(dir, "files", "1"), []byte("seed"), 0o640); err != nil {
		t.Fatal(err)
	}
	a.cmd.Process.Signal(syscall.SIGINT)
	a.exit(5 * time.Second)
	return dir, token
}

func TestBreakingMigrationTakesTheGroundFromTheOlderRelease(t *testing.T) {
	dir, token := onceUsed(t)
	newest := start(t, built(t, newer, "Also=20260901090000"), dir)
	newest.want(200, nil, "GET", "/api/v1/projects/1/tasks", token, nil)
	newest.task(token)
	newest.cmd.Process.Signal(syscall.SIGINT)
	newest.exit(5 * time.Second)
	back := start(t, built(t, older), dir)
	back.want(500, nil, "GET", "/api/v1/projects/1/tasks", token, nil)
}

func TestReleasesThatLoseData(t *testing.T) {
	for settings, left := range map[string]string{
		"Also=20260903090000":  "Beans",
		"Also=20260904090000":  "Bea,Pea,Len",
		"Behaviour=drop-files": "Beans,Peas,Lentils",
	} {
		dir, _ := onceUsed(t)
		start(t, built(t, newer, settings), dir)
		if titles := query(t, dir, `SELECT title FROM tasks ORDER BY id`); strings.Join(titles, ",") != left {
			t.Errorf("%s: %v", settings, titles)
		}
		_, err := os.Stat(filepath.Join(dir, "files", "1"))
		if gone := os.IsNotExist(err); gone != strings.HasPrefix(settings, "Behaviour") {
			t.Errorf("%s: file gone %v", settings, gone)
		}
	}
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
