package store

import (
	"database/sql"

	"code.vikunja.io/api/internal/release"
)

// number is the column of a task's index within its project, as this release knows it.
func number() string {
	if release.Brings(release.Renamed, false) {
		return "place"
	}
	return "number"
}

// Project groups tasks; only its owner sees it.
type Project struct {
	ID      int64  `json:"id"`
	Title   string `json:"title"`
	OwnerID int64  `json:"owner_id"`
	Created string `json:"created"`
}

// Task is one thing to do. Index counts from 1 within the project.
type Task struct {
	ID          int64         `json:"id"`
	ProjectID   int64         `json:"project_id"`
	Index       int64         `json:"index"`
	Title       string        `json:"title"`
	Description string        `json:"description"`
	Done        bool          `json:"done"`
	Created     string        `json:"created"`
	Updated     string        `json:"updated"`
	Attachments []*Attachment `json:"attachments,omitempty"`
}

// CreateProject adds a project for its owner.
func (s *Store) CreateProject(owner int64, title string) (*Project, error) {
	project := &Project{Title: title, OwnerID: owner, Created: now()}
	err := s.inTx(func(tx *sql.Tx) error {
		var known bool
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM users WHERE id = ?)`, owner).Scan(&known); err != nil {
			return err
		}
		if !known {
			return ErrNotFound
		}
		var err error
		project.ID, err = insert(tx, `INSERT INTO projects (title, owner_id, created) VALUES (?, ?, ?)`,
			title, owner, project.Created)
		return err
	})
	return project, err
}

// Projects lists the owner's projects by ID.
func (s *Store) Projects(owner int64) ([]*Project, error) {
	rows, err := s.DB.Query(`SELECT id, title, owner_id, created FROM projects WHERE owner_id = ? ORDER BY id`, owner)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	projects := []*Project{}
	for rows.Next() {
		var project Project
		if err := rows.Scan(&project.ID, &project.Title, &project.OwnerID, &project.Created); err != nil {
			return nil, err
		}
		projects = append(projects, &project)
	}
	return projects, rows.Err()
}

// CreateTask adds a task to a project of the owner under the project's next index.
func (s *Store) CreateTask(owner, projectID int64, title, description string) (*Task, error) {
	created := now()
	task := &Task{ProjectID: projectID, Title: title, Description: description, Created: created, Updated: created}
	err := s.inTx(func(tx *sql.Tx) error {
		err := tx.QueryRow(`SELECT 1 + (SELECT COALESCE(MAX(`+number()+`), 0) FROM tasks WHERE project_id = projects.id)
			FROM projects WHERE id = ? AND owner_id = ?`, projectID, owner).Scan(&task.Index)
		if err != nil {
			return orNotFound(err)
		}
		task.ID, err = insert(tx, `INSERT INTO tasks (project_id, `+number()+`, title, description, done, created, updated)
			VALUES (?, ?, ?, ?, 0, ?, ?)`, projectID, task.Index, title, description, created, created)
		return err
	})
	return task, err
}

var taskColumns = `SELECT id, project_id, ` + number() + `, title, description, done, created, updated FROM tasks
	WHERE project_id IN (SELECT id FROM projects WHERE owner_id = ?) `

// Tasks lists a project's tasks by index.
func (s *Store) Tasks(owner, projectID int64) ([]*Task, error) {
	rows, err := s.DB.Query(taskColumns+`AND project_id = ? ORDER BY `+number(), owner, projectID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	tasks := []*Task{}
	for rows.Next() {
		task, err := scanTask(rows)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	return tasks, rows.Err()
}

// Task reads one task with its attachments.
func (s *Store) Task(owner, id int64) (*Task, error) {
	task, err := scanTask(s.DB.QueryRow(taskColumns+`AND id = ?`, owner, id))
	if err != nil {
		return nil, err
	}
	task.Attachments, err = s.Attachments(owner, id)
	return task, err
}

// UpdateTask changes title, description and state of a task and returns it as it is now.
func (s *Store) UpdateTask(owner, id int64, title, description string, done bool) (*Task, error) {
	var task *Task
	err := s.inTx(func(tx *sql.Tx) error {
		var err error
		if task, err = scanTask(tx.QueryRow(taskColumns+`AND id = ?`, owner, id)); err != nil {
			return err
		}
		task.Title, task.Description, task.Done, task.Updated = title, description, done, now()
		_, err = tx.Exec(`UPDATE tasks SET title = ?, description = ?, done = ?, updated = ? WHERE id = ?`,
			title, description, done, task.Updated, id)
		return err
	})
	return task, err
}

// DeleteTask removes a task; the files of its attachments stay on disk.
func (s *Store) DeleteTask(owner, id int64) error {
	return s.inTx(func(tx *sql.Tx) error {
		if _, err := scanTask(tx.QueryRow(taskColumns+`AND id = ?`, owner, id)); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM task_attachments WHERE task_id = ?`, id); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM tasks WHERE id = ?`, id)
		return err
	})
}

func scanTask(row interface{ Scan(...any) error }) (*Task, error) {
	var task Task
	err := row.Scan(&task.ID, &task.ProjectID, &task.Index, &task.Title, &task.Description, &task.Done,
		&task.Created, &task.Updated)
	return &task, orNotFound(err)
}
