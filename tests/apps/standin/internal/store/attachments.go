package store

import (
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// File is an uploaded file; on disk its name is its ID.
type File struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Mime string `json:"mime"`
	Size int64  `json:"size"`
}

// Attachment ties a file to a task. Clients fetch it by the attachment's ID, not the file's.
type Attachment struct {
	ID     int64 `json:"id"`
	TaskID int64 `json:"task_id"`
	File   File  `json:"file"`
}

// Attach stores content as a file of the task. When it fails nothing of it stays in the database or on disk.
func (s *Store) Attach(owner, taskID int64, name, mime string, size int64, content io.Reader) (*Attachment, error) {
	attachment := &Attachment{TaskID: taskID, File: File{Name: name, Mime: mime, Size: size}}
	path := ""
	err := s.inTx(func(tx *sql.Tx) error {
		if _, err := scanTask(tx.QueryRow(taskColumns+`AND id = ?`, owner, taskID)); err != nil {
			return err
		}
		var err error
		file := &attachment.File
		file.ID, err = insert(tx, `INSERT INTO files (name, mime, size, created) VALUES (?, ?, ?, ?)`, name, mime, size, now())
		if err != nil {
			return err
		}
		path = s.Path(file.ID)
		if err := writeFile(path, content); err != nil {
			return err
		}
		attachment.ID, err = insert(tx, `INSERT INTO task_attachments (task_id, file_id) VALUES (?, ?)`, taskID, file.ID)
		return err
	})
	if err != nil && path != "" {
		os.Remove(path)
	}
	return attachment, err
}

// Path is where a file lies on disk.
func (s *Store) Path(fileID int64) string {
	return filepath.Join(s.FilesDir, strconv.FormatInt(fileID, 10))
}

const attachmentColumns = `SELECT a.id, a.task_id, f.id, f.name, f.mime, f.size FROM task_attachments a
	JOIN files f ON f.id = a.file_id JOIN tasks t ON t.id = a.task_id JOIN projects p ON p.id = t.project_id
	WHERE p.owner_id = ? AND a.task_id = ? `

// Attachments lists what is attached to a task.
func (s *Store) Attachments(owner, taskID int64) ([]*Attachment, error) {
	rows, err := s.DB.Query(attachmentColumns+`ORDER BY a.id`, owner, taskID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	attachments := []*Attachment{}
	for rows.Next() {
		attachment, err := scanAttachment(rows)
		if err != nil {
			return nil, err
		}
		attachments = append(attachments, attachment)
	}
	return attachments, rows.Err()
}

// Attachment reads one attachment of a task.
func (s *Store) Attachment(owner, taskID, id int64) (*Attachment, error) {
	return scanAttachment(s.DB.QueryRow(attachmentColumns+`AND a.id = ?`, owner, taskID, id))
}

func scanAttachment(row interface{ Scan(...any) error }) (*Attachment, error) {
	var a Attachment
	err := row.Scan(&a.ID, &a.TaskID, &a.File.ID, &a.File.Name, &a.File.Mime, &a.File.Size)
	return &a, orNotFound(err)
}

func writeFile(path string, content io.Reader) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, content); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
