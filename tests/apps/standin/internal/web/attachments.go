package web

import (
	"errors"
	"mime/multipart"
	"net/http"
	"os"
	"time"

	"code.vikunja.io/api/internal/store"
)

// formMemory is how much of an upload stays in memory before it goes to temporary files, in bytes.
const formMemory = 32 << 20

// attach stores the files of the form field `files`. The answer is 200 whatever becomes of them: which file
// failed, and why, is only in the body.
func (s *Server) attach(c *call) error {
	if err := c.r.ParseMultipartForm(formMemory); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return &failure{http.StatusBadRequest, 0, "the body is no multipart form: " + err.Error()}
	}
	defer c.r.MultipartForm.RemoveAll()
	stored, failed := []*store.Attachment{}, []map[string]any{}
	for _, part := range c.r.MultipartForm.File["files"] {
		attachment, err := s.attachOne(c, part)
		if err != nil {
			failed = append(failed, map[string]any{"code": 0, "message": err.Error()})
			continue
		}
		stored = append(stored, attachment)
	}
	return c.answer(http.StatusOK, map[string]any{"errors": failed, "success": stored})
}

func (s *Server) attachOne(c *call, part *multipart.FileHeader) (*store.Attachment, error) {
	if part.Size > s.config.FileLimit<<20 {
		return nil, errors.New("the file is larger than files.maxsize allows")
	}
	content, err := part.Open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	mime := part.Header.Get("Content-Type")
	return s.store.Attach(c.userID, c.ids[0], part.Filename, mime, part.Size, content)
}

func (s *Server) attachments(c *call) error {
	attachments, err := s.store.Attachments(c.userID, c.ids[0])
	return c.reply(http.StatusOK, attachments, err)
}

func (s *Server) attachment(c *call) error {
	found, err := s.store.Attachment(c.userID, c.ids[0], c.ids[1])
	if err != nil {
		return err
	}
	file, err := os.Open(s.store.Path(found.File.ID))
	if err != nil {
		return err
	}
	defer file.Close()
	c.w.Header().Set("Content-Type", found.File.Mime)
	c.w.Header().Set("Content-Disposition", "attachment")
	http.ServeContent(c.w, c.r, found.File.Name, time.Time{}, file)
	return nil
}
