package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"code.vikunja.io/api/internal/applog"
	"code.vikunja.io/api/internal/store"
)

// call is one request on its way through an endpoint.
type call struct {
	w *recorder
	r *http.Request
	// userID is the caller's account, 0 on routes open to everyone.
	userID int64
	// ids are the numbers from the path, in order.
	ids []int64
}

// recorder remembers the status for the access log.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader passes the status on and keeps it.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

type access int

const (
	// signedIn routes want a bearer token.
	signedIn access = iota
	// open routes are for everyone.
	open
	// limited routes are for everyone, a few times a minute.
	limited
)

// route is a method and a path in which `#` stands for a number.
type route struct {
	method, path string
	access       access
	serve        func(*Server, *call) error
}

// failure is an answer that is not a success.
type failure struct {
	status, code int
	message      string
}

func (f *failure) Error() string { return f.message }

var (
	errSignIn   = &failure{http.StatusUnauthorized, 11, "missing, malformed, expired or otherwise invalid token provided"}
	errTooMany  = &failure{http.StatusTooManyRequests, 0, "too many requests, try again in a minute"}
	errNotFound = &failure{http.StatusNotFound, 0, "not found"}
)

// ServeHTTP finds the route, checks who may use it, and turns an endpoint's error into an answer.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	c := &call{w: &recorder{w, http.StatusOK}, r: r}
	r.Body = http.MaxBytesReader(w, r.Body, (s.config.FileLimit+2)<<20)
	if err := s.dispatch(c); err != nil {
		c.fail(err)
	}
	applog.Access(s.clientIP(r), r.Method, r.URL.Path, c.w.status, time.Since(started))
}

func (s *Server) dispatch(c *call) error {
	for _, route := range s.routes {
		ids, matches := match(route.path, c.r.URL.Path)
		if !matches || route.method != c.r.Method {
			continue
		}
		c.ids = ids
		if err := s.admit(route.access, c); err != nil {
			return err
		}
		return route.serve(s, c)
	}
	if strings.HasPrefix(c.r.URL.Path, "/api/") {
		return errNotFound
	}
	return s.page(c)
}

func (s *Server) admit(access access, c *call) error {
	if access == limited && !s.limit.allow(s.clientIP(c.r)) {
		return errTooMany
	}
	if access != signedIn {
		return nil
	}
	var err error
	c.userID, err = s.bearer(strings.TrimPrefix(c.r.Header.Get("Authorization"), "Bearer "))
	return err
}

func match(pattern, path string) ([]int64, bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	var ids []int64
	for i, segment := range want {
		if segment != "#" {
			if segment != have[i] {
				return nil, false
			}
			continue
		}
		id, err := strconv.ParseInt(have[i], 10, 64)
		if err != nil {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}

// fail answers with what went wrong. A database that is locked is named to the client, as in the original.
func (c *call) fail(err error) {
	var known *failure
	if !errors.As(err, &known) {
		known = c.classify(err)
	}
	if err := c.answer(known.status, map[string]any{"code": known.code, "message": known.message}); err != nil {
		applog.Warnf("cannot send an error to the client: %v", err)
	}
}

func (c *call) classify(err error) *failure {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errNotFound
	case errors.As(err, &tooLarge):
		return &failure{http.StatusRequestEntityTooLarge, 0, "request body too large"}
	}
	applog.Errorf("%s %s: %v", c.r.Method, c.r.URL.Path, err)
	return &failure{http.StatusInternalServerError, 0, err.Error()}
}

// answer sends a value as JSON.
func (c *call) answer(status int, value any) error {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	return json.NewEncoder(c.w).Encode(value)
}

// body reads the request's JSON.
func (c *call) body(into any) error {
	err := json.NewDecoder(c.r.Body).Decode(into)
	var tooLarge *http.MaxBytesError
	if err == nil || errors.As(err, &tooLarge) {
		return err
	}
	return &failure{http.StatusBadRequest, 0, "the request body is not the JSON expected: " + err.Error()}
}
