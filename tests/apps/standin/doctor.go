package main

import (
	"errors"
	"fmt"
	"os"

	"code.vikunja.io/api/internal/config"
	"code.vikunja.io/api/internal/release"
	"code.vikunja.io/api/internal/store"
)

// doctor looks at settings and surroundings without migrating anything; exit code 1 when a check failed.
func doctor() {
	fmt.Printf("version: %s, user: %d\n", release.Version(), os.Getuid())
	c, err := config.Load()
	failed := report("configuration", err)
	if err == nil {
		fmt.Printf("config file: %q, public URL: %q\n", c.File, c.PublicURL)
		failed += report("secret", secretStored(c))
		failed += report("database", reachable(c))
		failed += report("files", store.ProbeFiles(c.FilesDir))
	}
	if failed > 0 {
		fmt.Printf("%d check(s) failed\n", failed)
		os.Exit(1)
	}
	fmt.Println("All checks passed")
}

func report(name string, err error) int {
	if err != nil {
		fmt.Printf("FAIL %s: %v\n", name, err)
		return 1
	}
	fmt.Printf("ok   %s\n", name)
	return 0
}

func secretStored(c *config.Config) error {
	if c.SecretIsRandom {
		return errors.New("service.secret is not set")
	}
	return nil
}

func reachable(c *config.Config) error {
	s, err := store.Open(c)
	if err != nil {
		return err
	}
	return s.Ping()
}
