package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/websocket"
)

func TestTenOpenCallsPerMinuteAndClient(t *testing.T) {
	wrong := map[string]string{"username": "nobody", "password": "long enough"}
	through := func(a *app, client string, status int) {
		t.Helper()
		a.want(status, nil, "POST", "/api/v1/login", "", wrong, "X-Forwarded-For", client)
	}
	direct := start(t, built(t, older), t.TempDir())
	for i := 0; i < 10; i++ {
		through(direct, fmt.Sprint("192.0.2.", i), 403)
	}
	through(direct, "192.0.2.99", 429)
	direct.want(429, nil, "POST", "/api/v1/register", "", wrong)
	direct.want(200, nil, "GET", "/api/v1/info", "", nil)

	behind := start(t, built(t, older), t.TempDir(),
		"VIKUNJA_SERVICE_IPEXTRACTIONMETHOD=xff", "VIKUNJA_SERVICE_TRUSTEDPROXIES=127.0.0.1/32,10.0.0.0/8")
	for i := 0; i < 10; i++ {
		through(behind, fmt.Sprintf("192.0.2.%d, 192.0.2.7, 10.0.0.1", i), 403)
	}
	through(behind, "192.0.2.7", 429)
	through(behind, "192.0.2.8", 403)
}

func TestRegistrationOffHasNoRoute(t *testing.T) {
	a := start(t, built(t, older), t.TempDir(), "VIKUNJA_SERVICE_ENABLEREGISTRATION=false")
	a.want(404, nil, "POST", "/api/v1/register", "", map[string]string{})
}

func TestRefreshOutlivesTheSecret(t *testing.T) {
	dir := t.TempDir()
	a := start(t, built(t, older), dir)
	a.account("ann")
	response, err := http.Post("http://127.0.0.1:"+a.port+"/api/v1/login", "application/json",
		strings.NewReader(`{"username": "ann", "password": "long enough"}`))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	cookie := response.Cookies()[0]
	if cookie.Name != "vikunja_refresh_token" || !cookie.HttpOnly || cookie.Secure || cookie.SameSite != http.SameSiteLaxMode {
		t.Fatalf("cookie %+v", cookie)
	}
	other := start(t, built(t, older), dir, "VIKUNJA_SERVICE_SECRET=changed")
	var fresh row
	const path = "/api/v1/user/token/refresh"
	other.want(200, &fresh, "POST", path, "", nil, "Cookie", cookie.Name+"="+cookie.Value)
	other.want(200, nil, "GET", "/api/v1/projects", fresh.Token, nil)
	other.want(401, nil, "POST", path, "", nil, "Cookie", cookie.Name+"="+cookie.Value)
}

func TestTokensForPrograms(t *testing.T) {
	a := start(t, built(t, older), t.TempDir())
	var made row
	a.want(201, &made, "PUT", "/api/v1/tokens", a.account("ann"), map[string]string{"title": "script"})
	if !strings.HasPrefix(made.Token, "tk_") {
		t.Fatalf("token %q", made.Token)
	}
	a.want(200, nil, "GET", "/api/v1/projects", made.Token, nil)
	var refused struct{ Code int }
	a.want(401, &refused, "GET", "/api/v1/projects", made.Token+"0", nil)
	if refused.Code != 11 {
		t.Fatalf("code %d", refused.Code)
	}
}

func TestStrangersSeeNothing(t *testing.T) {
	a := start(t, built(t, older), t.TempDir())
	project, task := a.task(a.account("ann"))
	bob := a.account("bob")
	a.want(404, nil, "GET", fmt.Sprint("/api/v1/tasks/", task), bob, nil)
	a.want(404, nil, "PUT", fmt.Sprintf("/api/v1/projects/%d/tasks", project), bob, map[string]string{"title": "Intrude"})
}

// attach uploads a file of the size and returns status and body.
func attach(a *app, token string, task int64, size int) (int, []byte) {
	a.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("files", "beans.bin")
	if err != nil {
		a.t.Fatal(err)
	}
	part.Write(bytes.Repeat([]byte("b"), size))
	form.Close()
	url := fmt.Sprintf("http://127.0.0.1:%s/api/v1/tasks/%d/attachments", a.port, task)
	request, err := http.NewRequest("PUT", url, &body)
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", form.FormDataContentType())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer bytes.Buffer
	answer.ReadFrom(response.Body)
	return response.StatusCode, answer.Bytes()
}

func TestAttachmentsFailInsideA200(t *testing.T) {
	dir := t.TempDir()
	a := start(t, built(t, older), dir, "VIKUNJA_FILES_MAXSIZE=1MB")
	token := a.account("ann")
	_, task := a.task(token)
	for _, upload := range []struct {
		task           int64
		size           int
		status         int
		stored, failed int
	}{
		{task, 1 << 20, 200, 1, 0},
		{task, 1<<20 + 1, 200, 0, 1},
		{task + 1, 10, 200, 0, 1},
		{task, 3 << 20, 413, 0, 0},
	} {
		status, body := attach(a, token, upload.task, upload.size)
		var outcome struct{ Success, Errors []any }
		if err := json.Unmarshal(body, &outcome); err != nil {
			t.Fatal(err)
		}
		if status != upload.status || len(outcome.Success) != upload.stored || len(outcome.Errors) != upload.failed {
			t.Errorf("%+v: %d %s", upload, status, body)
		}
	}
	exists(t, dir+"/files/1")
	absent(t, dir+"/files/2")
	if status, body := a.ask("GET", fmt.Sprintf("/api/v1/tasks/%d/attachments/1", task), token, nil); status != 200 || len(body) != 1<<20 {
		t.Fatalf("download: %d, %d bytes", status, len(body))
	}
}

func TestSocketWantsATokenFirst(t *testing.T) {
	a := start(t, built(t, older), t.TempDir())
	token := a.account("ann")
	type message struct{ Event, Token, Data string }
	talk := func(first string) (answer message, connection *websocket.Conn) {
		t.Helper()
		connection, err := websocket.Dial("ws://127.0.0.1:"+a.port+"/api/v1/ws", "", "http://127.0.0.1:"+a.port)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { connection.Close() })
		websocket.JSON.Send(connection, map[string]string{"token": first})
		websocket.JSON.Receive(connection, &answer)
		return answer, connection
	}
	if answer, _ := talk("wrong"); answer.Event != "auth.error" {
		t.Fatalf("%+v", answer)
	}
	answer, connection := talk(token)
	if answer.Event != "auth.success" {
		t.Fatalf("%+v", answer)
	}
	websocket.JSON.Send(connection, map[string]string{"event": "say", "data": "hello"})
	if websocket.JSON.Receive(connection, &answer); answer.Data != "hello" {
		t.Fatalf("%+v", answer)
	}
	if _, err := websocket.Dial("ws://127.0.0.1:"+a.port+"/api/v1/ws", "", "http://evil.example"); err == nil {
		t.Fatal("another site's page was let in")
	}
}

func TestEveryOtherPathIsThePage(t *testing.T) {
	a := start(t, built(t, older), t.TempDir())
	for _, path := range []string{"/", "/tasks/by/upcoming", "/projects/1", "/index.html", "/../../etc/passwd"} {
		status, body := a.ask("GET", path, "", nil)
		if status != 200 || !bytes.Contains(body, []byte(`<div id="app"`)) {
			t.Errorf("%s: %d %s", path, status, body)
		}
		contains(t, string(body), `window.API_URL = "http://127.0.0.1:`+a.port+`/api/v1"`)
	}
	_, page := a.ask("GET", "/", "", nil)
	assets := regexp.MustCompile(`/assets/[^"]+`).FindAllString(string(page), -1)
	if len(assets) < 2 {
		t.Fatalf("the page names %v", assets)
	}
	for _, path := range assets {
		if status, body := a.ask("GET", path, "", nil); status != 200 || bytes.Contains(body, []byte("<html")) {
			t.Errorf("%s: %d", path, status)
		}
	}
	a.want(404, nil, "GET", "/api/v1/nothing", "", nil)
}
