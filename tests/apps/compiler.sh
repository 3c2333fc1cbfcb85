# shellcheck shell=bash
# Debian's Go and C compilers for the stand-in app; sourced by build.sh and test.sh, never run by itself.

# Debian's own, whatever else is on PATH: the same compiler gives the same bytes.
go=/usr/bin/go
PATH=$(dirname "$go"):$PATH
# Nothing of the caller's settings may change what is built.
export GOFLAGS='' GOTOOLCHAIN=local

say() { printf 'apps: %s\n' "$*" >&2; }

install_compiler() {
  [[ -x $go && -e /usr/include/stdlib.h ]] && command -v gcc >/dev/null && return
  say 'installing golang-go and gcc'
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q golang-go gcc libc6-dev ca-certificates >&2
}
