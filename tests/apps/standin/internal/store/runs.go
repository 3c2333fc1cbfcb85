package store

import "time"

// Run is one run of the job of a full minute. Two runs of one minute mean that two processes were at work, which
// in the original sends every reminder twice.
type Run struct {
	Minute           time.Time
	PID              int
	Interface        string
	Version          string
	Mailer, Webhooks bool
}

// RecordRun writes the run down for tests to read.
func (s *Store) RecordRun(run Run) error {
	_, err := s.DB.Exec(`INSERT INTO cron_runs (minute, pid, interface, version, mailer, webhooks) VALUES (?, ?, ?, ?, ?, ?)`,
		run.Minute.UTC().Format(time.RFC3339), run.PID, run.Interface, run.Version, run.Mailer, run.Webhooks)
	return err
}
