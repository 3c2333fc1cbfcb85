package web

import "net/http"

type taskBody struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Done        bool   `json:"done"`
}

// titled reads a body that must carry a title.
func (c *call) titled() (taskBody, error) {
	var body taskBody
	if err := c.body(&body); err != nil {
		return body, err
	}
	if body.Title == "" {
		return body, &failure{http.StatusBadRequest, 0, "a title is needed"}
	}
	return body, nil
}

// reply sends what the store found or made.
func (c *call) reply(status int, value any, err error) error {
	if err != nil {
		return err
	}
	return c.answer(status, value)
}

func (s *Server) projects(c *call) error {
	projects, err := s.store.Projects(c.userID)
	return c.reply(http.StatusOK, projects, err)
}

func (s *Server) createProject(c *call) error {
	body, err := c.titled()
	if err != nil {
		return err
	}
	project, err := s.store.CreateProject(c.userID, body.Title)
	return c.reply(http.StatusCreated, project, err)
}

func (s *Server) tasks(c *call) error {
	tasks, err := s.store.Tasks(c.userID, c.ids[0])
	return c.reply(http.StatusOK, tasks, err)
}

func (s *Server) createTask(c *call) error {
	body, err := c.titled()
	if err != nil {
		return err
	}
	task, err := s.store.CreateTask(c.userID, c.ids[0], body.Title, body.Description)
	return c.reply(http.StatusCreated, task, err)
}

func (s *Server) task(c *call) error {
	task, err := s.store.Task(c.userID, c.ids[0])
	return c.reply(http.StatusOK, task, err)
}

func (s *Server) updateTask(c *call) error {
	body, err := c.titled()
	if err != nil {
		return err
	}
	task, err := s.store.UpdateTask(c.userID, c.ids[0], body.Title, body.Description, body.Done)
	return c.reply(http.StatusOK, task, err)
}

func (s *Server) deleteTask(c *call) error {
	err := s.store.DeleteTask(c.userID, c.ids[0])
	return c.reply(http.StatusOK, map[string]string{"message": "The task was deleted."}, err)
}
