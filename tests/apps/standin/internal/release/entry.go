package release

// What this release is: rewritten for every release from versions.json, never derived from the version's text.
var (
	// Schema is the ID of the newest migration of the ordinary line that this release knows.
	Schema = "99999999999999"
	// Also lists, separated by commas, migration IDs outside the ordinary line.
	Also = ""
	// Behaviour names the fault of a broken release; empty in a good one.
	Behaviour = ""
	// StartDelay is how long the release takes before it listens, as a Go duration; empty is none.
	StartDelay = ""
	// Reports is the version the binary names itself when that is not the one it was built as.
	Reports = ""
)
