package main

// The tests here run real binaries, because manners of a process are what is imitated.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// schemas of the two good releases the tests use.
const (
	older = "Schema=20260719145900"
	newer = "Schema=20260801173000"
)

var binaries = struct {
	sync.Mutex
	dir   string
	built map[string]string
}{built: map[string]string{}}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "standin-test-")
	if err != nil {
		panic(err)
	}
	binaries.dir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// built compiles the app with these values of package release, once per set.
func built(t *testing.T, settings ...string) string {
	t.Helper()
	binaries.Lock()
	defer binaries.Unlock()
	key := strings.Join(settings, " ")
	if path, done := binaries.built[key]; done {
		return path
	}
	path := filepath.Join(binaries.dir, fmt.Sprint(len(binaries.built)))
	flags := ""
	for _, setting := range settings {
		flags += " -X code.vikunja.io/api/internal/release." + setting
	}
	out, err := exec.Command("go", "build", "-buildvcs=false", "-ldflags", flags, "-o", path, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	binaries.built[key] = path
	return path
}

// app is a running process.
type app struct {
	t    *testing.T
	port string
	cmd  *exec.Cmd
	log  *journal
	done chan struct{}
}

// journal collects output while the process writes it.
type journal struct {
	sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.Lock()
	defer j.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.Lock()
	defer j.Unlock()
	return j.text.String()
}

func freePort(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

// environment is what a process needs to run in dir; extra variables win.
func environment(dir, port string, extra []string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir,
		"VIKUNJA_SERVICE_INTERFACE=127.0.0.1:" + port,
		"VIKUNJA_SERVICE_PUBLICURL=http://127.0.0.1:" + port,
		"VIKUNJA_SERVICE_SECRET=known",
		"VIKUNJA_SERVICE_BCRYPTROUNDS=4",
	}, extra...)
}

// launch starts the server without waiting for anything.
func launch(t *testing.T, binary, dir string, extra ...string) *app {
	t.Helper()
	a := &app{t: t, port: freePort(t)}
	for _, variable := range extra {
		if strings.HasPrefix(variable, "VIKUNJA_SERVICE_INTERFACE=") {
			a.port = variable[strings.LastIndex(variable, ":")+1:]
		}
	}
	// A run that nobody is logged in to any more, such as under nohup, hands an ignored SIGHUP on.
	cmd := exec.Command("env", "--default-signal=HUP", binary)
	cmd.Dir, cmd.Env = dir, environment(dir, a.port, extra)
	return a.begin(cmd)
}

// begin starts the process; it is killed when the test ends.
func (a *app) begin(cmd *exec.Cmd) *app {
	a.t.Helper()
	a.cmd, a.log, a.done = cmd, &journal{}, make(chan struct{})
	cmd.Stdout, cmd.Stderr = a.log, a.log
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	go func() { cmd.Wait(); close(a.done) }()
	a.t.Cleanup(func() { cmd.Process.Kill(); <-a.done })
	return a
}

// start launches the server and waits until it is healthy.
func start(t *testing.T, binary, dir string, extra ...string) *app {
	t.Helper()
	a := launch(t, binary, dir, extra...)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if status, body := a.ask("GET", "/health", "", nil); status == 200 && string(body) == "OK" {
			return a
		}
	}
	t.Fatalf("not healthy within 10 s:\n%s", a.log)
	return nil
}

// exit waits for the process and returns its wait status.
func (a *app) exit(within time.Duration) syscall.WaitStatus {
	a.t.Helper()
	select {
	case <-a.done:
	case <-time.After(within):
		a.t.Fatalf("still running after %s:\n%s", within, a.log)
	}
	return a.cmd.ProcessState.Sys().(syscall.WaitStatus)
}

// alive fails the test when the process ends within the time.
func (a *app) alive(period time.Duration) {
	a.t.Helper()
	select {
	case <-a.done:
		a.t.Fatalf("ended by itself:\n%s", a.log)
	case <-time.After(period):
	}
}

// ask sends one request; status 0 means that no answer came.
func (a *app) ask(method, path, token string, body any, headers ...string) (int, []byte) {
	text, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	request, err := http.NewRequest(method, "http://127.0.0.1:"+a.port+path, bytes.NewReader(text))
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	return response.StatusCode, answer
}

// want is ask with an expectation; the answer is decoded into `into` unless that is nil.
func (a *app) want(status int, into any, method, path, token string, body any, headers ...string) {
	a.t.Helper()
	got, answer := a.ask(method, path, token, body, headers...)
	if got != status {
		a.t.Fatalf("%s %s: status %d, want %d: %s", method, path, got, status, answer)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(answer, into); err != nil {
		a.t.Fatalf("%s %s: %v: %s", method, path, err, answer)
	}
}

type row struct {
	ID    int64  `json:"id"`
	Token string `json:"token"`
}

// account registers and logs in and returns an access token.
func (a *app) account(name string) string {
	a.t.Helper()
	person := map[string]string{"username": name, "password": "long enough", "email": name + "@example.org"}
	a.want(200, nil, "POST", "/api/v1/register", "", person)
	var login row
	a.want(200, &login, "POST", "/api/v1/login", "", person)
	return login.Token
}

// task makes a project with one task and returns both IDs.
func (a *app) task(token string) (project, task int64) {
	a.t.Helper()
	var made row
	a.want(201, &made, "PUT", "/api/v1/projects", token, map[string]string{"title": "Garden"})
	project = made.ID
	a.want(201, &made, "PUT", fmt.Sprintf("/api/v1/projects/%d/tasks", project), token, map[string]string{"title": "Beans"})
	return project, made.ID
}

// run executes a command of the app and returns its output and exit code.
func run(t *testing.T, binary, dir string, extra []string, args ...string) (string, int) {
	t.Helper()
	command := exec.Command(binary, args...)
	command.Dir, command.Env = dir, environment(dir, "1", extra)
	out, err := command.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	return string(out), command.ProcessState.ExitCode()
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Fatalf("%q is missing in:\n%s", part, text)
	}
}
