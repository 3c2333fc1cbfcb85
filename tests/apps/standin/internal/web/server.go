// Package web is the app over HTTP: API, WebSocket and embedded page. It never touches the schema.
package web

import (
	"context"
	"net/http"
	"time"

	"code.vikunja.io/api/internal/config"
	"code.vikunja.io/api/internal/store"
)

// Server answers requests from one store.
type Server struct {
	config *config.Config
	store  *store.Store
	limit  *limiter
	routes []route
	http   *http.Server
}

// New prepares a server that does not listen yet.
func New(c *config.Config, s *store.Store) *Server {
	server := &Server{config: c, store: s, limit: newLimiter(c.NoAuthLimit), routes: routes(c.Registration)}
	server.http = &http.Server{Addr: c.Interface, Handler: server, ReadHeaderTimeout: 10 * time.Second}
	return server
}

// Run listens and serves until Shutdown; the error is never nil, http.ErrServerClosed after a Shutdown.
func (s *Server) Run() error { return s.http.ListenAndServe() }

// Shutdown stops listening and waits for the requests under way, at most as long as ctx allows. Connections that
// became WebSockets are not waited for.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }

// routes is the whole API. Without registration its route does not exist.
func routes(registration bool) []route {
	table := []route{
		{"GET", "/health", open, (*Server).health},
		{"GET", "/api/v1/info", open, (*Server).info},
		{"POST", "/api/v1/login", limited, (*Server).login},
		{"POST", "/api/v1/user/token/refresh", open, (*Server).refresh},
		{"GET", "/api/v1/ws", limited, (*Server).socket},
		{"GET", "/api/v1/user", signedIn, (*Server).user},
		{"PUT", "/api/v1/tokens", signedIn, (*Server).createToken},
		{"GET", "/api/v1/projects", signedIn, (*Server).projects},
		{"PUT", "/api/v1/projects", signedIn, (*Server).createProject},
		{"GET", "/api/v1/projects/#/tasks", signedIn, (*Server).tasks},
		{"PUT", "/api/v1/projects/#/tasks", signedIn, (*Server).createTask},
		{"GET", "/api/v1/tasks/#", signedIn, (*Server).task},
		{"POST", "/api/v1/tasks/#", signedIn, (*Server).updateTask},
		{"DELETE", "/api/v1/tasks/#", signedIn, (*Server).deleteTask},
		{"GET", "/api/v1/tasks/#/attachments", signedIn, (*Server).attachments},
		{"PUT", "/api/v1/tasks/#/attachments", signedIn, (*Server).attach},
		{"GET", "/api/v1/tasks/#/attachments/#", signedIn, (*Server).attachment},
	}
	if registration {
		table = append(table, route{"POST", "/api/v1/register", limited, (*Server).register})
	}
	return table
}
