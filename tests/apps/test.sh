#!/usr/bin/env bash
# Runs the stand-in app's own tests: its manners, shown on real processes. Takes about a minute and a half, because
# some manners are about time (10 s of draining, jobs at the full minute).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=toolchain.sh
source "$here/toolchain.sh"
install_go
install_node
cd "$here/standin"
[[ -z $(gofmt -l .) ]] || { say "not formatted: $(gofmt -l .)"; exit 1; }
(cd frontend && pnpm install --silent --frozen-lockfile --store-dir "$cache/pnpm" && pnpm --silent run build --logLevel warn) >&2
(cd mcp-server && npm ci --silent --cache "$cache/npm" && npm run --silent build) >&2
debian redis-check-rdb redis-tools # Debian's server program under another name, without the service
go vet -buildvcs=false ./...
go test -buildvcs=false -count=1 "$@" ./...
