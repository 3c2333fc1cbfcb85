package main

import (
	"os"
	"time"

	"code.vikunja.io/api/internal/applog"
	"code.vikunja.io/api/internal/config"
	"code.vikunja.io/api/internal/release"
	"code.vikunja.io/api/internal/store"
)

// configured reads the settings and opens the log, or ends the process.
func configured() *config.Config {
	c, err := config.Load()
	if err != nil {
		applog.Fatalf("%v", err)
	}
	if err := applog.Open(c.LogStandard, c.LogHTTP, c.LogLevel, c.LogPath); err != nil {
		applog.Fatalf("cannot open the log: %v", err)
	}
	for _, warning := range c.Warnings {
		applog.Warnf("%s", warning)
	}
	if c.File != "" {
		applog.Infof("Using config file: %s", c.File)
	}
	return c
}

// light opens the database without migrating it.
func light() (*config.Config, *store.Store) {
	c := configured()
	s, err := store.Open(c)
	if err != nil {
		applog.Fatalf("%v", err)
	}
	return c, s
}

// boot is the start of the server and of most commands: files, then migrations. The database is never closed
// afterwards, so a clean end leaves the write-ahead log behind, as in the original.
func boot() (*config.Config, *store.Store) {
	c := configured()
	if err := store.ProbeFiles(c.FilesDir); err != nil {
		applog.Fatalf("%v", err)
	}
	s, err := store.Open(c)
	if err != nil {
		applog.Fatalf("%v", err)
	}
	if err := s.Migrate(); err != nil {
		applog.Fatalf("%v", err)
	}
	if c.SecretIsRandom {
		applog.Warnf("service.secret is not set: using a random one, everyone has to log in again after a restart.")
	}
	return c, s
}

// crons starts the job of every full minute; it runs in each process, also in two at once on one database.
func crons(c *config.Config, s *store.Store) {
	go func() {
		for {
			minute := time.Now().Truncate(time.Minute).Add(time.Minute)
			time.Sleep(time.Until(minute))
			err := s.RecordRun(store.Run{Minute: minute, PID: os.Getpid(), Interface: c.Interface,
				Version: release.Version(), Mailer: c.Mailer, Webhooks: c.Webhooks})
			if err != nil {
				applog.Errorf("cron of %s: %v", minute.Format("15:04"), err)
			}
		}
	}()
}
