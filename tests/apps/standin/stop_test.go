package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// upload is an attachment on its way: the request is open, its body not complete.
type upload struct {
	connection net.Conn
	rest       string
}

// beginUpload sends the head and all but the end of a body.
func beginUpload(a *app, token string, task int64) *upload {
	a.t.Helper()
	const start = "--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.txt\"\r\n\r\nhalf"
	const end = " and half\r\n--x--\r\n"
	connection, err := net.Dial("tcp", "127.0.0.1:"+a.port)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { connection.Close() })
	fmt.Fprintf(connection, "PUT /api/v1/tasks/%d/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n%s", task, token, len(start)+len(end), start)
	time.Sleep(200 * time.Millisecond)
	return &upload{connection, end}
}

// finish sends the rest and returns the answer's status, 0 when the connection was cut.
func (u *upload) finish() int {
	if _, err := u.connection.Write([]byte(u.rest)); err != nil {
		return 0
	}
	response, err := http.ReadResponse(bufio.NewReader(u.connection), nil)
	if err != nil {
		return 0
	}
	return response.StatusCode
}

func TestInterruptLetsRequestsFinish(t *testing.T) {
	a := start(t, built(t, older), t.TempDir())
	token := a.account("ann")
	_, task := a.task(token)
	open := beginUpload(a, token, task)
	a.cmd.Process.Signal(syscall.SIGINT)
	a.alive(time.Second)
	if status, _ := a.ask("GET", "/health", "", nil); status != 0 {
		t.Fatalf("a new request was answered with %d while draining", status)
	}
	if status := open.finish(); status != 200 {
		t.Fatalf("the upload under way got %d", status)
	}
	if status := a.exit(6 * time.Second); status.ExitStatus() != 0 {
		t.Fatalf("exit code %d", status.ExitStatus())
	}
}

func TestInterruptGivesUpAfterTenSeconds(t *testing.T) {
	t.Parallel()
	a := start(t, built(t, older), t.TempDir())
	token := a.account("ann")
	_, task := a.task(token)
	beginUpload(a, token, task)
	a.cmd.Process.Signal(syscall.SIGINT)
	a.alive(9 * time.Second)
	if status := a.exit(3 * time.Second); status.ExitStatus() != 1 {
		t.Fatalf("exit code %d", status.ExitStatus())
	}
}

func TestIdleInterruptEndsAtOnceAndLeavesTheWriteAheadLog(t *testing.T) {
	dir := t.TempDir()
	a := start(t, built(t, older), dir)
	a.account("ann")
	http.DefaultClient.CloseIdleConnections()
	a.cmd.Process.Signal(syscall.SIGINT)
	if status := a.exit(3 * time.Second); status.ExitStatus() != 0 {
		t.Fatalf("exit code %d", status.ExitStatus())
	}
	exists(t, dir+"/vikunja.db-wal")
}

func TestOtherSignalsKillAtOnce(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		a := start(t, built(t, older), t.TempDir())
		token := a.account("ann")
		_, task := a.task(token)
		open := beginUpload(a, token, task)
		a.cmd.Process.Signal(signal)
		if status := a.exit(3 * time.Second); !status.Signaled() || status.Signal() != signal {
			t.Fatalf("%s: wait status %x", signal, status)
		}
		if status := open.finish(); status != 0 {
			t.Fatalf("%s: the upload was not cut but got %d", signal, status)
		}
		if strings.Contains(a.log.String(), "Shutting down") {
			t.Fatalf("%s was caught", signal)
		}
	}
}
