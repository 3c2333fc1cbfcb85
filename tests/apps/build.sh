#!/usr/bin/env bash
# Builds releases of the stand-in app in the publisher's archive layout.
#   tests/apps/build.sh TAG[=ENTRY]... OUT_DIR
# TAG is an entry of versions.json; TAG=ENTRY gives an entry's release another tag. Result, per tag:
#   OUT_DIR/<tag>/vikunja-<tag>-linux-amd64-full.zip and the same name with .sha256
# Finished archives are kept in tests/.cache/apps under a digest of all they are made from.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
license=$here/../../LICENSE
# shellcheck source=compiler.sh
source "$here/compiler.sh"

# One digest over everything an archive is made from.
source_digest() {
  {
    "$go" version
    gcc --version | head -n 1
    cd "$here"
    find standin versions.json -type f ! -name '*_test.go' -print0 | sort -z | xargs -0 sha256sum
    sha256sum <"$license"
  } | sha256sum | cut -c 1-16
}

publish() { # TAG[=ENTRY] INTO
  cd "$here/standin"
  GOCACHE=$cache/go "$go" run -buildvcs=false ./cmd/publish -license "$license" -out "$2" "$1"
}

# Builds into a directory of its own first: a build that is cut off leaves no half archive in the cache.
cached() { # TAG[=ENTRY]
  local kept=$cache/$digest/$1 fresh
  if [[ ! -d $kept ]]; then
    say "building $1"
    fresh=$(mktemp -d "$cache/building.XXXXXX")
    publish "$1" "$fresh" || { rm -rf "$fresh"; exit 1; }
    mkdir -p "$cache/$digest"
    mv -T "$fresh" "$kept" 2>/dev/null || rm -rf "$fresh" # someone else was faster: same bytes
  fi
  cp -r "$kept/." "$out/"
}

if (($# < 2)); then
  sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
mkdir -p "${!#}"
out=$(cd "${!#}" && pwd)
cache=$(cd "$here/.." && pwd)/.cache/apps
mkdir -p "$cache"
install_compiler
digest=$(source_digest)
for wanted in "${@:1:$#-1}"; do
  (cached "$wanted")
done
