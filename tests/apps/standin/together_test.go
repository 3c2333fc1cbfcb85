package main

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"
)

// writers creates tasks from several clients at once and counts the answers by status. Refusals must be SQLite's.
func writers(a *app, token string, project int64, clients, each int) map[int]int {
	counts := map[int]int{}
	var lock sync.Mutex
	var all sync.WaitGroup
	for client := 0; client < clients; client++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < each; i++ {
				status, body := a.ask("PUT", fmt.Sprintf("/api/v1/projects/%d/tasks", project), token, map[string]string{"title": "Beans"})
				lock.Lock()
				counts[status]++
				lock.Unlock()
				if status == 500 && !bytes.Contains(body, []byte("database is locked")) {
					a.t.Errorf("500 for another reason: %s", body)
				}
			}
		}()
	}
	all.Wait()
	return counts
}

func TestWritersAtOnceFindTheDatabaseLocked(t *testing.T) {
	a := start(t, built(t, older), t.TempDir())
	token := a.account("ann")
	project, _ := a.task(token)
	if alone := writers(a, token, project, 1, 50); alone[201] != 50 {
		t.Fatalf("one writer at a time must never fail: %v", alone)
	}
	counts := writers(a, token, project, 8, 100)
	if counts[500] == 0 || counts[201] == 0 || counts[201]+counts[500] != 800 {
		t.Fatalf("answers by status: %v", counts)
	}
	var tasks []row
	a.want(200, &tasks, "GET", fmt.Sprintf("/api/v1/projects/%d/tasks", project), token, nil)
	if len(tasks) != 1+50+counts[201] {
		t.Fatalf("%d tasks, acknowledged %d", len(tasks), 1+50+counts[201])
	}
	t.Logf("8 writers: %v", counts)
}

func TestHealthTakesTwoConnectionsOfThePool(t *testing.T) {
	a := launch(t, built(t, older), t.TempDir(), "VIKUNJA_DATABASE_MAXOPENCONNECTIONS=1")
	eventually(a, "/api/v1/info")
	answered := make(chan int, 1)
	go func() {
		status, _ := a.ask("GET", "/health", "", nil)
		answered <- status
	}()
	select {
	case status := <-answered:
		t.Fatalf("answered %d with one connection", status)
	case <-time.After(time.Second):
	}
}

func TestTwoProcessesRunEveryJobTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blue := start(t, built(t, older), dir)
	green := start(t, built(t, older), dir, "VIKUNJA_MAILER_ENABLED=true")
	time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute + 500*time.Millisecond)))
	runs := query(t, dir, `SELECT minute || ' ' || interface || ' ' || mailer FROM cron_runs ORDER BY mailer`)
	if len(runs) != 2 {
		t.Fatalf("runs of one minute: %v", runs)
	}
	contains(t, runs[0], "127.0.0.1:"+blue.port+" 0")
	contains(t, runs[1], "127.0.0.1:"+green.port+" 1")
	if runs[0][:20] != runs[1][:20] {
		t.Fatalf("different minutes: %v", runs)
	}
}
