#!/usr/bin/env bash
# Runs the stand-in app's own tests: its manners, shown on real processes. Takes about a minute and a half, because
# some manners are about time (10 s of draining, jobs at the full minute).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=compiler.sh
source "$here/compiler.sh"
install_compiler
cd "$here/standin"
[[ -z $(gofmt -l .) ]] || { say "not formatted: $(gofmt -l .)"; exit 1; }
"$go" vet -buildvcs=false ./...
"$go" test -buildvcs=false -count=1 "$@" ./...
