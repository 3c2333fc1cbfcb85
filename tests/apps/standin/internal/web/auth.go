package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"

	"code.vikunja.io/api/internal/store"
)

const (
	refreshCookie = "vikunja_refresh_token"
	refreshPath   = "/api/v1/user/token/refresh"
	apiTokenMark  = "tk_"
)

type credentials struct {
	Username string `json:"username"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

func (s *Server) register(c *call) error {
	var wanted credentials
	if err := c.body(&wanted); err != nil {
		return err
	}
	user, err := Register(s.store, s.config.BcryptRounds, wanted.Username, wanted.Email, wanted.Password)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, user)
}

// Register checks and creates an account; the command line uses it too.
func Register(s *store.Store, rounds int, username, email, password string) (*store.User, error) {
	switch {
	case len(username) < 3 || len(username) > 250 || strings.ContainsAny(username, " ,") || strings.Contains(username, "://"):
		return nil, &failure{http.StatusBadRequest, 1001, "the user name needs 3 to 250 characters and no space, comma or URL"}
	case !strings.Contains(email, "@"):
		return nil, &failure{http.StatusBadRequest, 1001, "this is not an e-mail address"}
	}
	hash, err := hashed(password, rounds)
	if err != nil {
		return nil, err
	}
	user, err := s.CreateUser(username, email, hash)
	if errors.Is(err, store.ErrTaken) {
		return nil, &failure{http.StatusBadRequest, 1001, err.Error()}
	}
	return user, err
}

// SetPassword gives an account another password; only the command line does so.
func SetPassword(s *store.Store, rounds int, username, password string) error {
	hash, err := hashed(password, rounds)
	if err != nil {
		return err
	}
	return s.SetHash(username, hash)
}

func hashed(password string, rounds int) (string, error) {
	if len(password) < 8 || len(password) > 72 {
		return "", &failure{http.StatusBadRequest, 1001, "the password needs 8 to 72 bytes"}
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), rounds)
	return string(hash), err
}

func (s *Server) login(c *call) error {
	var given credentials
	if err := c.body(&given); err != nil {
		return err
	}
	wrong := &failure{http.StatusForbidden, 1011, "wrong user name or password"}
	user, err := s.store.UserByName(given.Username)
	if errors.Is(err, store.ErrNotFound) {
		return wrong
	}
	if err != nil {
		return err
	}
	if bcrypt.CompareHashAndPassword([]byte(user.Hash()), []byte(given.Password)) != nil {
		return wrong
	}
	return s.openSession(c, user)
}

func (s *Server) openSession(c *call, user *store.User) error {
	id, err := random()
	if err != nil {
		return err
	}
	token, err := random()
	if err != nil {
		return err
	}
	expires := time.Now().Add(s.config.SessionLife)
	if err := s.store.AddSession(id, user.ID, token, expires); err != nil {
		return err
	}
	return s.hand(c, user, id, token, expires)
}

// refresh exchanges the cookie for a new access token and a new cookie. It needs no access token: this is how a
// client gets over an expired one, or one signed with a secret that is gone.
func (s *Server) refresh(c *call) error {
	cookie, err := c.r.Cookie(refreshCookie)
	if err != nil {
		return errSignIn
	}
	token, err := random()
	if err != nil {
		return err
	}
	expires := time.Now().Add(s.config.SessionLife)
	id, userID, err := s.store.RotateSession(cookie.Value, token, expires)
	if errors.Is(err, store.ErrNotFound) {
		return errSignIn
	}
	if err != nil {
		return err
	}
	user, err := s.store.UserByID(userID)
	if err != nil {
		return err
	}
	return s.hand(c, user, id, token, expires)
}

// hand gives the client an access token in the body and the refresh token in a cookie.
func (s *Server) hand(c *call, user *store.User, session, refresh string, expires time.Time) error {
	tokenID, err := random()
	if err != nil {
		return err
	}
	access, err := sign(s.config.Secret, claims{Type: 1, ID: user.ID, Username: user.Username,
		Expires: time.Now().Add(s.config.TokenLife).Unix(), Session: session, TokenID: tokenID})
	if err != nil {
		return err
	}
	http.SetCookie(c.w, s.cookie(refresh, expires))
	return c.answer(http.StatusOK, map[string]string{"token": access})
}

func (s *Server) cookie(value string, expires time.Time) *http.Cookie {
	cookie := &http.Cookie{Name: refreshCookie, Value: value, Path: refreshPath, Expires: expires,
		HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if strings.HasPrefix(s.config.PublicURL, "https:") {
		cookie.Secure, cookie.SameSite = true, http.SameSiteNoneMode
	}
	return cookie
}

// bearer tells whose access or API token this is.
func (s *Server) bearer(token string) (int64, error) {
	if strings.HasPrefix(token, apiTokenMark) {
		user, err := s.store.UserByAPIToken(token)
		if errors.Is(err, store.ErrNotFound) {
			return 0, errSignIn
		}
		return user.ID, err
	}
	claims, valid := verify(s.config.Secret, token, time.Now())
	if !valid {
		return 0, errSignIn
	}
	return claims.ID, nil
}

func (s *Server) user(c *call) error {
	user, err := s.store.UserByID(c.userID)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, user)
}

func (s *Server) createToken(c *call) error {
	var wanted struct {
		Title string `json:"title"`
	}
	if err := c.body(&wanted); err != nil {
		return err
	}
	secret, err := random()
	if err != nil {
		return err
	}
	token := apiTokenMark + secret
	id, err := s.store.AddAPIToken(c.userID, wanted.Title, token)
	if err != nil {
		return err
	}
	return c.answer(http.StatusCreated, map[string]any{"id": id, "title": wanted.Title, "token": token})
}
