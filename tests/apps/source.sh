# shellcheck shell=bash
# Lays out the source of one release; sourced by build.sh and repo.sh after toolchain.sh, never run by itself.
# shellcheck disable=SC2154  # $apps is toolchain.sh's

# Copies the app's source without its tests into a directory and writes down what an entry of the table says of it.
lay_out() { # ENTRY INTO
  local entry
  entry=$(described "$1") || return
  mkdir -p "$2"
  tar -C "$apps/standin" --exclude=node_modules --exclude='frontend/dist/*' --exclude=mcp-server/dist --exclude='*_test.go' -c . | tar -C "$2" -x
  touch "$2/frontend/dist/.gitkeep"
  cp "$apps/../../LICENSE" "$2/"
  go_literals "$entry" >"$2/internal/release/entry.go"
  if [[ $(jq .mcp <<<"$entry") == true ]]; then
    jq -r '"export const release = { backend: \(.mcp_backend // "" | @json) }"' <<<"$entry" >"$2/mcp-server/src/release.ts"
  else
    rm -r "$2/mcp-server"
  fi
}

# The table's entry as JSON; fails when there is none or when it has a key nobody reads.
described() { # ENTRY
  jq -ce --arg entry "$1" '
    .[$entry] // error("the table has no \($entry)")
    | (keys - ["about", "schema", "also", "behaviour", "start_delay", "reports", "mcp", "mcp_backend"]) as $unknown
    | if $unknown == [] then . else error("\($entry) has the unknown keys \($unknown)") end' "$apps/versions.json"
}

go_literals() { # JSON
  jq -r '
    "package release\n\n// What this release is.\nvar (",
    "\tSchema     = \(.schema | @json)",
    "\tAlso       = \(.also // [] | join(",") | @json)",
    "\tBehaviour  = \(.behaviour // "" | @json)",
    "\tStartDelay = \(.start_delay // "" | @json)",
    "\tReports    = \(.reports // "" | @json)",
    ")"' <<<"$1"
}
