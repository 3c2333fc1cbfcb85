package main

// The MCP server, as real processes with a real Redis. The page on its manners is the README.

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// redis starts a server with a password on a free port. Debian's program takes its part from its name.
func redis(t *testing.T) (port string, stop func()) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "redis-server")
	if err := os.Symlink("/usr/bin/redis-check-rdb", program); err != nil {
		t.Fatal(err)
	}
	port = freePort(t)
	server := exec.Command(program, "--port", port, "--bind", "127.0.0.1", "--requirepass", "sesame", "--save", "", "--dir", dir)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { server.Process.Kill(); server.Wait() }
	t.Cleanup(stop)
	return port, stop
}

// mcp launches the MCP server over HTTP; extra variables win.
func mcp(t *testing.T, redisPort, backend string, extra ...string) *app {
	t.Helper()
	a := &app{t: t, port: freePort(t)}
	cmd := exec.Command("node", "mcp-server/dist/index.js")
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "MCP_HTTP_ENABLED=true", "MCP_HTTP_HOST=127.0.0.1",
		"MCP_HTTP_PORT=" + a.port, "REDIS_HOST=127.0.0.1", "REDIS_PORT=" + redisPort, "REDIS_PASSWORD=sesame",
		"VIKUNJA_API_URL=" + backend}, extra...)
	return a.begin(cmd)
}

// answering waits until the MCP server is healthy.
func answering(t *testing.T, a *app) *app {
	t.Helper()
	eventually(a, "/health")
	a.want(200, nil, "GET", "/health", "", nil)
	return a
}

var callList = map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call",
	"params": map[string]any{"name": "list_projects", "arguments": map[string]any{}}}

// call asks for the projects over MCP.
func (a *app) call(token string) (int, string) {
	status, body := a.ask("POST", "/mcp", token, callList, "Accept", "application/json, text/event-stream",
		"Content-Type", "application/json")
	return status, string(body)
}

func TestMCPCallsTheBackendWithTheCallersToken(t *testing.T) {
	port, _ := redis(t)
	backend := start(t, built(t, newer), t.TempDir())
	session := backend.account("ann")
	backend.task(session)
	var token row
	backend.want(201, &token, "PUT", "/api/v1/tokens", session, map[string]string{"title": "model"})
	a := answering(t, mcp(t, port, "http://127.0.0.1:"+backend.port))
	if status, body := a.call(token.Token); status != 200 || !strings.Contains(body, "Garden") {
		t.Fatalf("%d %s", status, body)
	}
	for _, wrong := range []string{"", "tk_unknown", session} {
		if status, body := a.call(wrong); status != 401 {
			t.Errorf("token %q: %d %s", wrong, status, body)
		}
	}
	var info struct{ VikunjaApiURL string }
	if a.want(200, &info, "GET", "/info", "", nil); info.VikunjaApiURL != "http://127.0.0.1:"+backend.port {
		t.Errorf("it names the backend %q", info.VikunjaApiURL)
	}
}

func TestMCPHealthKnowsRedisAndNotTheBackend(t *testing.T) {
	port, stop := redis(t)
	a := answering(t, mcp(t, port, "http://127.0.0.1:1"))
	if status, body := a.call("tk_unknown"); status != 502 {
		t.Errorf("without a backend: %d %s", status, body)
	}
	stop()
	var health struct{ Status, Redis string }
	if a.want(503, &health, "GET", "/health", "", nil); health.Status != "degraded" || health.Redis != "disconnected" {
		t.Errorf("%+v", health)
	}
}

func TestMCPNeedsRedisAndAPortOfItsOwn(t *testing.T) {
	for _, mode := range []string{"true", "false"} {
		a := mcp(t, "1", "http://127.0.0.1:1", "MCP_HTTP_ENABLED="+mode, "MCP_PORT="+freePort(t))
		if status := a.exit(10 * time.Second); status.ExitStatus() != 1 {
			t.Errorf("HTTP %s: exit code %d", mode, status.ExitStatus())
		}
	}
	port, _ := redis(t)
	first := answering(t, mcp(t, port, "http://127.0.0.1:1"))
	second := mcp(t, port, "http://127.0.0.1:1", "MCP_HTTP_PORT="+first.port)
	if status := second.exit(10 * time.Second); status.ExitStatus() != 1 {
		t.Errorf("taken port: exit code %d", status.ExitStatus())
	}
	first.cmd.Process.Signal(syscall.SIGTERM)
	if status := first.exit(time.Second); status.ExitStatus() != 0 {
		t.Errorf("SIGTERM: exit code %d", status.ExitStatus())
	}
}

func TestMCPWithoutHTTPAnswersHealthOnAnotherPort(t *testing.T) {
	port, _ := redis(t)
	health := freePort(t)
	a := mcp(t, port, "http://127.0.0.1:1", "MCP_HTTP_ENABLED=false", "MCP_PORT="+health)
	over := a.port
	a.port = health
	answering(t, a)
	if _, err := http.Get(fmt.Sprintf("http://127.0.0.1:%s/health", over)); err == nil {
		t.Error("the HTTP port is open, too")
	}
}
