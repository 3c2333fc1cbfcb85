// Command standin is a small to-do app with the shape and the manners of Vikunja, good and bad, to test
// deployers with. It contains none of Vikunja's code.
package main

import (
	"os"

	"code.vikunja.io/api/internal/applog"
)

func main() {
	name, args := "web", os.Args[1:]
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	command, known := commands[name]
	if !known {
		applog.Fatalf("unknown command %q", name)
	}
	command(args)
}

// commands is the command line. All but `version`, `doctor` and `migrate list` migrate the database they are
// pointed at, which is the trap deployers have to know.
var commands = map[string]func(args []string){
	"web":         func([]string) { web() },
	"version":     func([]string) { version() },
	"doctor":      func([]string) { doctor() },
	"migrate":     migrate,
	"healthcheck": func([]string) { healthcheck() },
	"user":        user,
	"dump":        dump,
}
