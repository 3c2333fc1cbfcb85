package main

import (
	"flag"
	"fmt"
	"runtime"
	"sort"

	"code.vikunja.io/api/internal/applog"
	"code.vikunja.io/api/internal/release"
	api "code.vikunja.io/api/internal/web"
)

func version() {
	fmt.Printf("Vikunja api version %s\nBuilt with %s\n", release.Version(), runtime.Version())
}

// migrate runs what is pending; `migrate list` shows what the database records and changes nothing.
func migrate(args []string) {
	_, s := light()
	if len(args) == 0 {
		if err := s.Migrate(); err != nil {
			applog.Fatalf("%v", err)
		}
		applog.Infof("Ran all migrations.")
		return
	}
	if args[0] != "list" {
		applog.Fatalf("unknown command \"migrate %s\"", args[0])
	}
	recorded, err := s.Recorded()
	if err != nil {
		applog.Fatalf("%v", err)
	}
	ids := make([]string, 0, len(recorded))
	for id := range recorded {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	for _, id := range ids {
		fmt.Println(id)
	}
}

// healthcheck looks at the database from a process of its own, not at the running server. It migrates first.
func healthcheck() {
	_, s := boot()
	if err := s.Ping(); err != nil {
		applog.Fatalf("API server is not healthy: %v", err)
	}
	fmt.Println("API server is healthy")
}

// user creates or lists accounts, after migrating and with the jobs of a server running beside it.
func user(args []string) {
	if len(args) == 0 || (args[0] != "create" && args[0] != "list") {
		applog.Fatalf("usage: user create -u NAME -e EMAIL [-p PASSWORD] | user list")
	}
	flags := flag.NewFlagSet("user create", flag.ExitOnError)
	username := flags.String("u", "", "user name")
	email := flags.String("e", "", "e-mail address")
	password := flags.String("p", "", "password")
	flags.Parse(args[1:])
	c, s := boot()
	crons(c, s)
	if args[0] == "create" {
		if *password == "" {
			*password = askPassword()
		}
		created, err := api.Register(s, c.BcryptRounds, *username, *email, *password)
		if err != nil {
			applog.Fatalf("cannot create the user: %v", err)
		}
		fmt.Printf("User was created successfully. ID: %d\n", created.ID)
		return
	}
	users, err := s.Users()
	if err != nil {
		applog.Fatalf("cannot list the users: %v", err)
	}
	for _, one := range users {
		fmt.Printf("%d\t%s\t%s\n", one.ID, one.Username, one.Email)
	}
}
