package web

import (
	"fmt"
	"net/http"
	"path"
	"time"

	"golang.org/x/net/websocket"
)

// authDeadline is how long a client may take to send its token.
const authDeadline = 10 * time.Second

// pingEvery is the pause between the messages the server sends by itself.
const pingEvery = 15 * time.Second

type message struct {
	Event string `json:"event"`
	Token string `json:"token,omitempty"`
	Data  string `json:"data,omitempty"`
}

// socket upgrades to a WebSocket. The first message must carry a token; every later one comes back as it is.
func (s *Server) socket(c *call) error {
	server := websocket.Server{
		Handshake: func(_ *websocket.Config, r *http.Request) error { return s.origin(r) },
		Handler:   s.talk,
	}
	server.ServeHTTP(c.w.ResponseWriter, c.r)
	return nil
}

// origin admits pages of this app only; clients that are no browser send no origin.
func (s *Server) origin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	for _, pattern := range s.config.Origins {
		if matched, err := path.Match(pattern, origin); err == nil && matched {
			return nil
		}
	}
	return fmt.Errorf("origin %q is not allowed", origin)
}

func (s *Server) talk(connection *websocket.Conn) {
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(authDeadline))
	var first message
	if websocket.JSON.Receive(connection, &first) != nil {
		return
	}
	if _, err := s.bearer(first.Token); err != nil {
		websocket.JSON.Send(connection, message{Event: "auth.error"})
		return
	}
	connection.SetDeadline(time.Time{})
	if websocket.JSON.Send(connection, message{Event: "auth.success"}) != nil {
		return
	}
	done := make(chan struct{})
	go ping(connection, done)
	echo(connection)
	close(done)
}

func ping(connection *websocket.Conn, done <-chan struct{}) {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			if websocket.JSON.Send(connection, message{Event: "ping"}) != nil {
				return
			}
		}
	}
}

func echo(connection *websocket.Conn) {
	for {
		var received message
		if websocket.JSON.Receive(connection, &received) != nil {
			return
		}
		if websocket.JSON.Send(connection, received) != nil {
			return
		}
	}
}
