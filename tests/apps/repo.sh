#!/usr/bin/env bash
# Makes a git repository of the stand-in app as its publisher would have it, or adds to one.
#   tests/apps/repo.sh OUT_DIR [TAG[=ENTRY] | main=ENTRY]...
# Each TAG becomes a tagged commit on the branch `main` with the source of that entry of versions.json; `main=ENTRY` is a
# commit without a tag. Without any: every entry of the table, then one commit more. Result: OUT_DIR/vikunja.git, bare,
# ready to be served as static files. The same calls make the same commits.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=toolchain.sh
source "$here/toolchain.sh"
# shellcheck source=source.sh
source "$here/source.sh"

# Nothing of the caller's own git may get into a commit. An hour apart, so that the order by date is the order.
as_publisher() { # COMMAND…
  local at=$((1767225600 + 3600 * count))
  GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_DIR=$repository GIT_WORK_TREE=$tree \
    GIT_AUTHOR_NAME=Publisher GIT_AUTHOR_EMAIL=publisher@example.org GIT_AUTHOR_DATE="$at +0000" \
    GIT_COMMITTER_NAME=Publisher GIT_COMMITTER_EMAIL=publisher@example.org GIT_COMMITTER_DATE="$at +0000" "$@"
}

commit() { # ENTRY MESSAGE
  find "$tree" -mindepth 1 -delete
  lay_out "$1" "$tree"
  as_publisher git add --all
  as_publisher git commit -q --allow-empty -m "$2"
  count=$((count + 1))
}

if (($# < 1)); then
  sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
debian git git ca-certificates
debian jq jq
mkdir -p "$1"
repository=$(cd "$1" && pwd)/vikunja.git
shift
if (($# == 0)); then
  mapfile -t wanted < <(jq -r 'keys_unsorted[]' "$here/versions.json")
  set -- "${wanted[@]}" main=v2.5.1
fi
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
count=0
[[ -d $repository ]] || GIT_CONFIG_GLOBAL=/dev/null git init -q --bare -b main "$repository"
git -C "$repository" config core.bare false # while it has a work tree
count=$(as_publisher git rev-list --count main 2>/dev/null || echo 0)
for each in "$@"; do
  tag=${each%%=*}
  if [[ $tag == main ]]; then
    commit "${each#*=}" "Go on"
  else
    commit "${each#*=}" "Release $tag"
    as_publisher git tag "$tag"
  fi
done
git -C "$repository" config core.bare true
as_publisher git update-server-info
