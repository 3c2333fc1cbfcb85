// Package release says what this release brings and what is wrong with it. Code asks this package and never looks at
// the version's text to decide anything.
package release

import (
	"strings"
	"time"

	"code.vikunja.io/api/pkg/version"
)

// The faults a release can be built with.
const (
	Unhealthy   = "unhealthy"
	Crash       = "crash"
	CrashOnLive = "crash-on-live"
	BadCall     = "bad-system-call"
	BlankPage   = "blank-page"
	HangOnStop  = "hang-on-stop"
	FillDisk    = "fill-disk"
	DropFiles   = "drop-files"
)

// Renamed is the migration after which the number of a task lies in another column: it takes the ground from under
// every release that does not bring it.
const Renamed = "20260901090000"

// Version is what the binary reports about itself.
func Version() string {
	if Reports != "" {
		return Reports
	}
	return version.Version
}

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
