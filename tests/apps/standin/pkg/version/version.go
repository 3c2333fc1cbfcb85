// Package version says which version this binary was built as.
package version

// Version is set by whoever builds, with -ldflags "-X code.vikunja.io/api/pkg/version.Version=…".
var Version = "dev"
