// Package store keeps the app's data in SQLite. Its transactions read before they write and begin deferred, as
// in the imitated app: two of them at once end with "database is locked" for one, whatever the busy timeout is.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver family of the imitated app

	"code.vikunja.io/api/internal/config"
)

// ErrNotFound says that there is no such row, or that it belongs to someone else.
var ErrNotFound = errors.New("not found")

// Store is the open database and the directory of uploaded files.
type Store struct {
	DB       *sql.DB
	FilesDir string
}

// Open opens the configured database without touching its schema. A type other than the three names of the
// original is unknown; of these only sqlite is built in so far.
func Open(c *config.Config) (*Store, error) {
	switch c.DatabaseType {
	case "sqlite":
	case "postgres", "mysql":
		return nil, fmt.Errorf("database type %s is not built in", c.DatabaseType)
	default:
		return nil, fmt.Errorf("Unknown database type %s", c.DatabaseType)
	}
	db, err := sql.Open("sqlite3", "file:"+c.DatabasePath+"?_busy_timeout=5000&_journal_mode=WAL")
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", err)
	}
	db.SetMaxOpenConns(c.MaxOpen)
	db.SetMaxIdleConns(c.MaxIdle)
	db.SetConnMaxLifetime(c.MaxLifetime)
	if err := db.Ping(); err != nil {
		return nil, fmt.Errorf("cannot connect to the database %s: %w", c.DatabasePath, err)
	}
	return &Store{DB: db, FilesDir: c.FilesDir}, nil
}

// ProbeFiles writes and removes a file in the directory of uploads, making the directory when it is missing.
func ProbeFiles(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("cannot create the files directory: %w", err)
	}
	probe := filepath.Join(dir, fmt.Sprintf(".probe-%d", os.Getpid()))
	if err := os.WriteFile(probe, []byte("probe"), 0o600); err != nil {
		return fmt.Errorf("files directory is not writable: %w", err)
	}
	return os.Remove(probe)
}

// Ping asks the database twice over two connections of the pool, the second taken while the first is held.
// With as many callers as connections all wait for each other for ever – so does the original.
func (s *Store) Ping() error {
	first, err := s.DB.Conn(context.Background())
	if err != nil {
		return err
	}
	defer first.Close()
	second, err := s.DB.Conn(context.Background())
	if err != nil {
		return err
	}
	defer second.Close()
	if err := first.PingContext(context.Background()); err != nil {
		return err
	}
	return second.PingContext(context.Background())
}

// inTx runs work in one deferred transaction.
func (s *Store) inTx(work func(*sql.Tx) error) error {
	tx, err := s.DB.Begin()
	if err != nil {
		return err
	}
	if err := work(tx); err != nil {
		tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		tx.Rollback()
		return err
	}
	return nil
}

// texts reads a query's only column.
func (s *Store) texts(query string, args ...any) ([]string, error) {
	rows, err := s.DB.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []string{}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		found = append(found, text)
	}
	return found, rows.Err()
}

// now is the form in which times are stored: GMT, as the original does.
func now() string { return time.Now().UTC().Format(time.RFC3339) }

func orNotFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
