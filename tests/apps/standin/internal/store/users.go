package store

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"
)

// ErrTaken says that the user name or e-mail address is in use.
var ErrTaken = errors.New("a user with this name or e-mail address exists already")

// User is an account; the password hash never leaves this package but through Hash.
type User struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
	Email    string `json:"email,omitempty"`
	Created  string `json:"created"`
	hash     string
}

// Hash is the bcrypt hash to compare a password with.
func (u *User) Hash() string { return u.hash }

const userColumns = `SELECT id, username, email, created, password FROM users `

// CreateUser adds an account; the password arrives hashed.
func (s *Store) CreateUser(username, email, hash string) (*User, error) {
	user := &User{Username: username, Email: email, Created: now(), hash: hash}
	err := s.inTx(func(tx *sql.Tx) error {
		var taken bool
		err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM users WHERE username = ? OR email = ?)`, username, email).Scan(&taken)
		if err != nil {
			return err
		}
		if taken {
			return ErrTaken
		}
		user.ID, err = insert(tx, `INSERT INTO users (username, email, password, created) VALUES (?, ?, ?, ?)`,
			username, email, hash, user.Created)
		return err
	})
	return user, err
}

// SetHash stores the digest of another password.
func (s *Store) SetHash(username, hash string) error {
	return s.inTx(func(tx *sql.Tx) error {
		changed, err := tx.Exec(`UPDATE users SET password = ? WHERE username = ?`, hash, username)
		if err != nil {
			return err
		}
		if count, err := changed.RowsAffected(); err != nil || count == 0 {
			return errors.Join(ErrNotFound, err)
		}
		return nil
	})
}

// UserByName finds an account by its name.
func (s *Store) UserByName(username string) (*User, error) {
	return scanUser(s.DB.QueryRow(userColumns+`WHERE username = ?`, username))
}

// UserByID finds an account by its ID.
func (s *Store) UserByID(id int64) (*User, error) {
	return scanUser(s.DB.QueryRow(userColumns+`WHERE id = ?`, id))
}

// UserByAPIToken finds the account an API token belongs to.
func (s *Store) UserByAPIToken(token string) (*User, error) {
	return scanUser(s.DB.QueryRow(userColumns+`WHERE id = (SELECT user_id FROM api_tokens WHERE token_hash = ?)`, digest(token)))
}

// Users lists every account by ID.
func (s *Store) Users() ([]*User, error) {
	rows, err := s.DB.Query(userColumns + `ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	users := []*User{}
	for rows.Next() {
		user, err := scanUser(rows)
		if err != nil {
			return nil, err
		}
		users = append(users, user)
	}
	return users, rows.Err()
}

// AddSession stores a new session under the digest of its refresh token.
func (s *Store) AddSession(id string, userID int64, token string, expires time.Time) error {
	_, err := s.DB.Exec(`INSERT INTO sessions (id, user_id, token_hash, expires) VALUES (?, ?, ?, ?)`,
		id, userID, digest(token), expires.UTC().Format(time.RFC3339))
	return err
}

// RotateSession exchanges a live session's refresh token and returns the session's ID and account. The old token
// is worthless afterwards.
func (s *Store) RotateSession(oldToken, newToken string, expires time.Time) (id string, userID int64, err error) {
	err = s.inTx(func(tx *sql.Tx) error {
		err := tx.QueryRow(`SELECT id, user_id FROM sessions WHERE token_hash = ? AND expires > ?`, digest(oldToken), now()).
			Scan(&id, &userID)
		if err != nil {
			return orNotFound(err)
		}
		_, err = tx.Exec(`UPDATE sessions SET token_hash = ?, expires = ? WHERE id = ?`,
			digest(newToken), expires.UTC().Format(time.RFC3339), id)
		return err
	})
	return id, userID, err
}

// AddAPIToken stores an API token for an account.
func (s *Store) AddAPIToken(userID int64, title, token string) (id int64, err error) {
	result, err := s.DB.Exec(`INSERT INTO api_tokens (title, token_hash, user_id, created) VALUES (?, ?, ?, ?)`,
		title, digest(token), userID, now())
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func scanUser(row interface{ Scan(...any) error }) (*User, error) {
	var user User
	err := row.Scan(&user.ID, &user.Username, &user.Email, &user.Created, &user.hash)
	return &user, orNotFound(err)
}

func insert(tx *sql.Tx, statement string, args ...any) (int64, error) {
	result, err := tx.Exec(statement, args...)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
