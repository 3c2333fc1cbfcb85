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

const userUsage = "usage: user create -u NAME -e EMAIL [-p PASSWORD] | user reset-password NAME --direct [-p PASSWORD] | user list"

// user makes or lists accounts or gives one another password, after migrating and with the jobs of a server running beside it.
func user(args []string) {
	if len(args) == 0 {
		applog.Fatalf(userUsage)
	}
	switch {
	case args[0] == "create":
		createUser(args[1:])
	case args[0] == "list":
		listUsers()
	case args[0] == "reset-password" && len(args) > 1:
		resetPassword(args[1], args[2:])
	default:
		applog.Fatalf(userUsage)
	}
}

func createUser(args []string) {
	flags := flag.NewFlagSet("user create", flag.ExitOnError)
	username := flags.String("u", "", "user name")
	email := flags.String("e", "", "e-mail address")
	password := flags.String("p", "", "password")
	flags.Parse(args)
	c, s := boot()
	crons(c, s)
	if *password == "" {
		*password = askPassword()
	}
	created, err := api.Register(s, c.BcryptRounds, *username, *email, *password)
	if err != nil {
		applog.Fatalf("cannot create the user: %v", err)
	}
	fmt.Printf("User was created successfully. ID: %d\n", created.ID)
}

func resetPassword(username string, args []string) {
	flags := flag.NewFlagSet("user reset-password", flag.ExitOnError)
	direct := flags.Bool("direct", false, "set it at once instead of sending a link")
	password := flags.String("p", "", "password")
	flags.Parse(args)
	c, s := boot()
	crons(c, s)
	if !*direct {
		applog.Fatalf("there is no mail server to send a link by")
	}
	if *password == "" {
		*password = askPassword()
	}
	if err := api.SetPassword(s, c.BcryptRounds, username, *password); err != nil {
		applog.Fatalf("cannot reset the password: %v", err)
	}
	fmt.Println("Password updated successfully.")
}

func listUsers() {
	c, s := boot()
	crons(c, s)
	users, err := s.Users()
	if err != nil {
		applog.Fatalf("cannot list the users: %v", err)
	}
	for _, one := range users {
		fmt.Printf("%d\t%s\t%s\n", one.ID, one.Username, one.Email)
	}
}
