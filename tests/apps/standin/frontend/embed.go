// Package frontend carries the built page into the binary. `dist` holds nothing but a mark until the page is
// built: a binary made without that step starts, is healthy, and shows an empty page.
package frontend

import "embed"

// Files is what the bundler wrote, below `dist`.
//
//go:embed all:dist
var Files embed.FS
