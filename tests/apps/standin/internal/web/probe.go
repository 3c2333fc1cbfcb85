package web

import (
	"fmt"
	"net/http"

	"code.vikunja.io/api/internal/release"
)

// health says OK in plain text when the database answers.
func (s *Server) health(c *call) error {
	if release.Has(release.Unhealthy) {
		return fmt.Errorf("health check failed")
	}
	if err := s.store.Ping(); err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := c.w.Write([]byte("OK"))
	return err
}

// info describes this installation to clients; the names are those clients of the original read.
func (s *Server) info(c *call) error {
	return c.answer(http.StatusOK, map[string]any{
		"version":                  release.Version(),
		"frontend_url":             s.config.PublicURL,
		"motd":                     s.config.Motd,
		"max_file_size":            fmt.Sprintf("%dMB", s.config.FileLimit),
		"max_items_per_page":       50,
		"task_attachments_enabled": true,
		"webhooks_enabled":         s.config.Webhooks,
		"demo_mode_enabled":        false,
		"concurrent_writes":        false,
		"auth": map[string]any{
			"local":          map[string]any{"enabled": true, "registration_enabled": s.config.Registration},
			"ldap":           map[string]any{"enabled": false},
			"openid_connect": map[string]any{"enabled": false, "providers": []string{}},
		},
	})
}
