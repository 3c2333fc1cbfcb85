// Package release says which release this binary is. The values are compiled in by the linker from
// versions.json; code asks this package and never looks at the version's text to decide anything.
package release

import (
	"strings"
	"time"
)

// Set with -ldflags -X; the defaults are a development build without faults.
var (
	// Version is what the binary reports about itself, `vX.Y.Z` in an honest release.
	Version = "dev"
	// Schema is the ID of the newest migration of the ordinary line that this release knows.
	Schema = "99999999999999"
	// Also lists, separated by commas, migration IDs outside the ordinary line.
	Also = ""
	// Behaviour names the fault of a broken release; empty in a good one.
	Behaviour = ""
	// StartDelay is how long the release takes before it listens, as a Go duration; empty is none.
	StartDelay = ""
)

// The faults a release can be built with.
const (
	Unhealthy  = "unhealthy"
	Crash      = "crash"
	BlankPage  = "blank-page"
	HangOnStop = "hang-on-stop"
)

// Brings tells whether this release contains the migration: by its place in the ordinary line, or by name.
func Brings(id string, ordinary bool) bool {
	if ordinary {
		return id <= Schema
	}
	for _, also := range strings.Split(Also, ",") {
		if also == id {
			return true
		}
	}
	return false
}

// Has tells whether the release was built with this fault.
func Has(behaviour string) bool { return Behaviour == behaviour }

// Delay is the compiled-in start delay; a malformed one is a fault of the build and stops the program.
func Delay() time.Duration {
	if StartDelay == "" {
		return 0
	}
	delay, err := time.ParseDuration(StartDelay)
	if err != nil {
		panic("release built with a bad start delay: " + err.Error())
	}
	return delay
}
