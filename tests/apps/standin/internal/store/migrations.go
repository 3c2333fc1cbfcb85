package store

import (
	"database/sql"
	"fmt"

	"code.vikunja.io/api/internal/applog"
	"code.vikunja.io/api/internal/release"
)

// migration is one step of the schema. Its statements run without a surrounding transaction and the ID is
// recorded after the last one, so a step that fails midway stays half done and unrecorded.
type migration struct {
	id, description string
	// ordinary steps belong to the line every later release contains; the others only to releases naming them.
	ordinary   bool
	statements []string
}

var migrations = []migration{
	{"20250301090000", "users, projects and tasks", true, []string{
		`CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT NOT NULL UNIQUE, email TEXT NOT NULL UNIQUE,
			password TEXT NOT NULL, created TEXT NOT NULL)`,
		`CREATE TABLE projects (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, owner_id INTEGER NOT NULL,
			created TEXT NOT NULL)`,
		`CREATE TABLE tasks (id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL, number INTEGER NOT NULL,
			title TEXT NOT NULL, description TEXT NOT NULL, done INTEGER NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL)`,
		`CREATE INDEX tasks_by_project ON tasks (project_id, number)`,
	}},
	{"20250614120000", "files and attachments", true, []string{
		`CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, mime TEXT NOT NULL, size INTEGER NOT NULL,
			created TEXT NOT NULL)`,
		`CREATE TABLE task_attachments (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id INTEGER NOT NULL, file_id INTEGER NOT NULL)`,
	}},
	{"20260225114500", "sessions", true, []string{
		`CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id INTEGER NOT NULL, token_hash TEXT NOT NULL UNIQUE,
			expires TEXT NOT NULL)`,
	}},
	{"20260411013000", "api tokens", true, []string{
		`CREATE TABLE api_tokens (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, token_hash TEXT NOT NULL UNIQUE,
			user_id INTEGER NOT NULL, created TEXT NOT NULL)`,
	}},
	{"20260719145900", "cron runs", true, []string{
		`CREATE TABLE cron_runs (minute TEXT NOT NULL, pid INTEGER NOT NULL, interface TEXT NOT NULL, version TEXT NOT NULL,
			mailer INTEGER NOT NULL, webhooks INTEGER NOT NULL)`,
	}},
	{"20260725101500", "priority of tasks", true, []string{
		`ALTER TABLE tasks ADD COLUMN priority INTEGER NOT NULL DEFAULT 0`,
	}},
	{"20260801173000", "comments on tasks", true, []string{
		`CREATE TABLE task_comments (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id INTEGER NOT NULL, author_id INTEGER NOT NULL,
			comment TEXT NOT NULL, created TEXT NOT NULL)`,
	}},
	// Breaks the releases before it, which ask for the old name.
	{release.Renamed, "place of tasks", false, []string{
		`ALTER TABLE tasks RENAME COLUMN number TO place`,
	}},
	// Works on an empty database and fails on one that has users, after it has already made its table.
	{"20260902080000", "handles of users", false, []string{
		`CREATE TABLE IF NOT EXISTS user_handles (user_id INTEGER NOT NULL, handle TEXT NOT NULL)`,
		`INSERT INTO user_handles (user_id, handle) SELECT id, NULL FROM users`,
	}},
	// Look harmless and are not: rows are gone, or say something else, and nothing else tells.
	{"20260903090000", "tidy tasks", false, []string{
		`DELETE FROM tasks WHERE id > (SELECT MIN(id) FROM tasks)`,
	}},
	{"20260904090000", "tidy titles", false, []string{
		`UPDATE tasks SET title = SUBSTR(title, 1, 3)`,
	}},
}

// Migrate brings the schema to this release: on a fresh database everything at once, otherwise each step the
// database does not record. IDs this release does not know are ignored. There is no lock: two processes race.
func (s *Store) Migrate() error {
	const table = `CREATE TABLE IF NOT EXISTS migration (id TEXT PRIMARY KEY, description TEXT)`
	if _, err := s.DB.Exec(table); err != nil {
		return fmt.Errorf("cannot create the migration table: %w", err)
	}
	recorded, err := s.Recorded()
	if err != nil {
		return err
	}
	if len(recorded) == 0 {
		return s.createAll()
	}
	for _, step := range migrations {
		if !recorded[step.id] && release.Brings(step.id, step.ordinary) {
			if err := s.apply(step); err != nil {
				return err
			}
		}
	}
	return nil
}

// Recorded returns the IDs the database has, known to this release or not.
func (s *Store) Recorded() (map[string]bool, error) {
	ids, err := s.texts(`SELECT id FROM migration`)
	if err != nil {
		return nil, fmt.Errorf("cannot read the migration table: %w", err)
	}
	recorded := map[string]bool{}
	for _, id := range ids {
		recorded[id] = true
	}
	return recorded, nil
}

func (s *Store) apply(step migration) error {
	for _, statement := range step.statements {
		if _, err := s.DB.Exec(statement); err != nil {
			return fmt.Errorf("migration %s (%s) failed: %w", step.id, step.description, err)
		}
	}
	if _, err := s.DB.Exec(insertMigration, step.id, step.description); err != nil {
		return fmt.Errorf("cannot record migration %s: %w", step.id, err)
	}
	applog.Infof("Ran migration %s (%s)", step.id, step.description)
	return nil
}

const insertMigration = `INSERT INTO migration (id, description) VALUES (?, ?)`

func (s *Store) createAll() error {
	return s.inTx(func(tx *sql.Tx) error {
		for _, step := range migrations {
			if !release.Brings(step.id, step.ordinary) {
				continue
			}
			for _, statement := range step.statements {
				if _, err := tx.Exec(statement); err != nil {
					return fmt.Errorf("cannot create the schema (%s): %w", step.id, err)
				}
			}
			if _, err := tx.Exec(insertMigration, step.id, step.description); err != nil {
				return err
			}
		}
		_, err := tx.Exec(insertMigration, "SCHEMA_INIT", "")
		return err
	})
}
