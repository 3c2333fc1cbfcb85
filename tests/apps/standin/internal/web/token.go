package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// claims are the content of an access token.
type claims struct {
	Type     int    `json:"type"`
	ID       int64  `json:"id"`
	Username string `json:"username"`
	IsAdmin  bool   `json:"is_admin"`
	Expires  int64  `json:"exp"`
	Session  string `json:"sid"`
	TokenID  string `json:"jti"`
}

var base64url = base64.RawURLEncoding

// header is the fixed first part of every token: HS256 and nothing else is ever accepted.
var header = base64url.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))

// sign makes a JSON Web Token (RFC 7519) of the claims.
func sign(secret string, c claims) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	text := header + "." + base64url.EncodeToString(payload)
	return text + "." + seal(secret, text), nil
}

// verify reads the claims of a token that this secret signed and whose time is not over.
func verify(secret, token string, at time.Time) (*claims, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[0] != header {
		return nil, false
	}
	if !hmac.Equal([]byte(seal(secret, parts[0]+"."+parts[1])), []byte(parts[2])) {
		return nil, false
	}
	payload, err := base64url.DecodeString(parts[1])
	if err != nil {
		return nil, false
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil || at.Unix() >= c.Expires {
		return nil, false
	}
	return &c, true
}

func seal(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return base64url.EncodeToString(mac.Sum(nil))
}

// random is 32 bytes nobody can guess, in hexadecimal.
func random() (string, error) {
	bytes := make([]byte, 32)
	if _, err := rand.Read(bytes); err != nil {
		return "", err
	}
	return hex.EncodeToString(bytes), nil
}
