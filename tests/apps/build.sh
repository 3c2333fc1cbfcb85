#!/usr/bin/env bash
# Builds releases of the stand-in app in the publisher's archive layout.
#   tests/apps/build.sh TAG[=ENTRY]... OUT_DIR
# TAG is an entry of versions.json; TAG=ENTRY gives an entry's release another tag. Result, per tag:
#   OUT_DIR/<tag>/vikunja-<tag>-linux-amd64-full.zip and the same name with .sha256
# Finished archives are kept in tests/.cache/apps under a digest of all they are made from.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=toolchain.sh
source "$here/toolchain.sh"
# shellcheck source=source.sh
source "$here/source.sh"

# One digest over everything an archive is made from.
source_digest() {
  {
    gcc --version | head -n 1
    cd "$here"
    find build.sh source.sh toolchain.sh versions.json standin \( -name node_modules -o -name dist \) -prune -o \
      -type f ! -name '*_test.go' -print0 | sort -z | xargs -0 sha256sum
    sha256sum <../../LICENSE
  } | sha256sum | cut -c 1-16
}

# The page first: the backend carries it.
frontend() { # TAG
  printf '{"VERSION": "%s"}\n' "$1" >src/version.json
  pnpm install --silent --frozen-lockfile --store-dir "$cache/pnpm" >&2
  pnpm --silent run build --logLevel warn >&2
}

# One static binary, so that the guest's C library does not matter.
backend() { # TAG BINARY
  local flags="-s -w -buildid= -X code.vikunja.io/api/pkg/version.Version=$1"
  flags+=" -linkmode external -extldflags '-static -Wl,--build-id=none'"
  CGO_ENABLED=1 GOOS=linux GOARCH=amd64 GOCACHE=$cache/go go build -buildvcs=false -trimpath \
    -tags 'osusergo netgo sqlite_omit_load_extension' -ldflags "$flags" -o "$2" .
}

# The MCP server with what it needs in service and nothing more, and the Node it was built with: a release that has one
# runs wherever it is unpacked.
mcp_server() { # MEMBERS
  npm ci --silent --cache "$cache/npm" >&2
  npm run --silent build >&2
  npm prune --silent --omit=dev >&2
  rm -rf node_modules/.bin
  mkdir "$1/mcp-server"
  cp -r dist node_modules package.json "$1/mcp-server/"
  cp "$(command -v node)" "$1/mcp-server/node"
}

# The archive in the publisher's layout and its checksum beside it. Every member has the same time, so that the same
# content gives the same bytes.
pack() { # TAG MEMBERS INTO
  local archive=vikunja-$1-linux-amd64-full.zip
  mkdir -p "$3/$1"
  cd "$2"
  find . -exec touch -h -d '2020-01-01 00:00:00 UTC' {} +
  find . -type f -printf '%P\n' | LC_ALL=C sort | TZ=UTC zip -q -X -@ "$3/$1/$archive"
  cd "$3/$1"
  sha256sum "$archive" >"$archive.sha256"
}

publish() { # TAG[=ENTRY] INTO
  local tag=${1%%=*} work members binary
  work=$(mktemp -d "$cache/source.XXXXXX")
  members=$work/members binary=vikunja-$tag-linux-amd64
  lay_out "${1#*=}" "$work/source"
  (cd "$work/source/frontend" && frontend "$tag")
  mkdir "$members"
  (cd "$work/source" && backend "$tag" "$members/$binary")
  (cd "$members" && sha256sum "$binary" >"$binary.sha256")
  cp "$work/source"/{config.yml.sample,LICENSE} "$members/"
  chmod 644 "$members"/*
  chmod 755 "$members/$binary"
  [[ ! -d $work/source/mcp-server ]] || (cd "$work/source/mcp-server" && mcp_server "$members")
  (pack "$tag" "$members" "$2")
  rm -rf "$work"
}

# Builds into a directory of its own first: a build that is cut off leaves no half archive in the cache.
cached() { # TAG[=ENTRY]
  local kept=$cache/$digest/$1 fresh
  if [[ ! -d $kept ]]; then
    say "building $1"
    fresh=$(mktemp -d "$cache/building.XXXXXX")
    publish "$1" "$fresh"
    mkdir -p "$cache/$digest"
    mv -T "$fresh" "$kept" 2>/dev/null || rm -rf "$fresh" # someone else was faster: same bytes
  fi
  cp -r "$kept/." "$out/"
}

if (($# < 2)); then
  sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
mkdir -p "${!#}" "$cache"
out=$(cd "${!#}" && pwd)
install_go
install_node
digest=$(source_digest)
for wanted in "${@:1:$#-1}"; do
  cached "$wanted"
done
