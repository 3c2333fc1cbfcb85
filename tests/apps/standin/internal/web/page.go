package web

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"code.vikunja.io/api/frontend"
	"code.vikunja.io/api/internal/release"
)

// apiMark is the place in the page that becomes the URL of the API.
const apiMark = `"__API_URL__"`

// page serves a file of the built page, and the page itself for every other path: deep links are routes of
// the page, not of the server.
func (s *Server) page(c *call) error {
	name := strings.TrimPrefix(path.Clean(c.r.URL.Path), "/")
	content, err := fs.ReadFile(frontend.Files, "dist/"+name)
	if err != nil || name == "index.html" {
		return s.index(c)
	}
	kinds := map[string]string{".js": "text/javascript", ".css": "text/css"}
	c.w.Header().Set("Content-Type", kinds[path.Ext(name)]+"; charset=utf-8")
	_, err = c.w.Write(content)
	return err
}

func (s *Server) index(c *call) error {
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.w.Header().Set("Cache-Control", "no-cache")
	page, err := fs.ReadFile(frontend.Files, "dist/index.html")
	if errors.Is(err, fs.ErrNotExist) || release.Has(release.BlankPage) {
		// Built without the page: nobody notices but people.
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	if err != nil {
		return err
	}
	api, err := json.Marshal(s.baseURL() + "api/v1")
	if err != nil {
		return err
	}
	_, err = c.w.Write([]byte(strings.Replace(string(page), apiMark, string(api), 1)))
	return err
}

// baseURL is the public URL or, without one, the root of wherever the page came from.
func (s *Server) baseURL() string {
	if s.config.PublicURL == "" {
		return "/"
	}
	return s.config.PublicURL
}
