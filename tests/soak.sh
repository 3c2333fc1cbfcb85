#!/bin/bash
# The long proofs, which tests/run.sh has only samples of; run as root, after tests/run.sh has been seen to work.
#
#   tests/soak.sh                everything
#   tests/soak.sh kills [N]      N installs (default 100) ended at random moments; after every one the same command
#                                completes, and what it made is uninstalled. HOMEPORT_SEED repeats a run
#   tests/soak.sh cutover [N]    N cut-overs (default 160) of a living instance, somebody killed at a random moment of each
#   tests/soak.sh updates [N]    N updates (default 20) and as many that fail in service, under a crowd's load, on 10,000
#                                tasks. What was seen is added to tests/bench/updates.txt with its commit: a run that was
#                                broken off goes on after it
#   tests/soak.sh faults         every host call of install, restart, stop, start and uninstall goes wrong in every way
#   tests/soak.sh builds         an app from every kind of source, every way a version is called, every build that fails
#   tests/soak.sh mutations      what core does about each trap of Proxmox's programs is taken out: a test turns red
#   tests/soak.sh fuzz [N]       every parser of foreign bytes with N inputs (default 20000); PROPTEST_RNG_SEED repeats a run
#   tests/soak.sh reproducible   two whole builds, from two clones in different directories, give the same bytes
#
# One line per part on stdout: its name, `passed` or `failed`, what was seen. Everything else goes to stderr.
set -uo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(dirname "$HERE")
DIST=$ROOT/target/dist
cd "$ROOT" || exit 1
failed=0

# Prints a part's line. A part that ends well says on its last line of stdout what was seen.
part() { # NAME [ARGUMENT…]
    local seen
    if seen=$("$@"); then
        printf '%-14s passed  %s\n' "$1" "$(tail -n 1 <<<"$seen")"
    else
        printf '%-14s failed\n' "$1"
        failed=$((failed + 1))
    fi
}

# Runs tests; what they say goes to stdout, to stderr if they fail.
tests() { # ARGUMENT…
    local said
    if ! said=$(cargo test --locked --quiet "$@" 2>&1); then
        printf '%s\n' "$said" >&2
        return 1
    fi
    printf '%s\n' "$said"
}

# A host with containers, and a build to put on it.
ready() {
    bash tests/setup.sh >&2 && bash tests/lab/up.sh >&2 && bash tests/build.sh "$DIST" >&2 || return 1
    export HOMEPORT_DIST=$DIST HOMEPORT_BIN_DIR=$DIST/bin HOMEPORT_LAB_PATH=$HERE/lab/bin
}

# Runs tests of a whole installation; their tables go to stderr, the seed to stdout.
installations() { # FILTER [FLAG…]
    local said
    said=$(tests -p homeport-tests --test install "$1" -- --nocapture "${@:2}") || return 1
    sed -n 's/^table: //p' <<<"$said" >&2
    sed -n 's/^table: [a-z]* *\(seed [0-9]*\).*/\1/p' <<<"$said" | head -n 1
}

kills() {
    local count=${1:-100} seed
    export HOMEPORT_KILLS=$count HOMEPORT_KILLS_COMPLETE=all
    ready && seed=$(installations killed::) && echo "$count installs ended, $count completed, nothing left; $seed"
}

cutover() {
    local count=${1:-160} seed
    export HOMEPORT_CUTS=$count
    ready && seed=$(installations cutover::) && echo "$count cut-overs, after each one slot served whole data; $seed"
}

updates() {
    local count=${1:-20} cells=$HERE/bench/updates.txt commit
    commit=$(git rev-parse --short=10 HEAD)
    export HOMEPORT_UPDATES=$count HOMEPORT_CELLS=$cells HOMEPORT_COMMIT=$commit
    ready && installations update::updates_and_failures >/dev/null || return 1
    awk -v commit="$commit" '$1 == commit && $3 == "0:"' "$cells" |
        sed -n 's/.* held \([0-9]*\) ms, predicted \([0-9]*\) ms.*/\1 \2/p' | sort -n |
        awk '{ held[NR] = $1; off = $2 / $1; if (off > most) most = off; if (!least || off < least) least = off }
             END { printf "%d updates and as many failures, none refused; held %d ms (median) to %d ms, predicted %.2f to %.2f of that\n",
                   NR, held[int((NR + 1) / 2)], held[NR], least, most }'
}

faults() {
    export HOMEPORT_FAULTS=all
    ready && installations faults:: >/dev/null && echo "every call, every way: said, and nothing left or completed"
}

builds() {
    ready && installations built:: --include-ignored >/dev/null && echo "every source built, every failure said and taken back"
}

mutations() {
    local said
    ready && said=$(python3 tests/lab/mutate.py) && echo "$said" >&2 && echo "$(wc -l <<<"$said") mutations, all of them noticed"
}

fuzz() {
    local count=${1:-20000} said
    said=$(PROPTEST_CASES=$count tests --workspace --exclude homeport-tests fuzz) || return 1
    echo "$(grep -oE '[0-9]+ passed' <<<"$said" | awk '{ sum += $1 } END { print sum + 0 }') parsers, $count inputs each"
}

# Another directory, umask and time zone for the second build: none of them may matter.
reproducible() {
    local place status=0 other=another-directory-with-a-longer-name
    place=$(mktemp -d)
    mkdir "$place/keys"
    minisign -G -W -p "$place/keys/homeport.pub" -s "$place/keys/homeport.key" >/dev/null
    git clone --quiet --no-hardlinks "$ROOT" "$place/one/clone" >&2 &&
        git clone --quiet --no-hardlinks "$place/one/clone" "$place/$other/clone" >&2 &&
        whole_build "$place" one 022 UTC &&
        whole_build "$place" "$other" 077 Pacific/Auckland &&
        same "$place/one/out" "$place/$other/out" || status=1
    rm -rf "$place"
    return $status
}

whole_build() { # PLACE NAME UMASK TZ
    (
        umask "$3"
        unset CARGO_TARGET_DIR
        TZ=$4 HOMEPORT_KEY_DIR=$1/keys bash "$1/$2/clone/tests/build.sh" "$1/$2/out" >&2
    )
}

same() { # OUT OUT
    local file count=0
    for file in "$1"/site/*.tar.zst "$1"/site/bootstrap-*; do
        cmp "$file" "$2/site/${file##*/}" >&2 || return 1
        count=$((count + 1))
    done
    [ "$count" -ge 2 ] || { echo "soak: the builds made no bundle and bootstrap" >&2; return 1; }
    (cd "$1/site" && sha256sum -- *.tar.zst bootstrap-* | tr '\n' ' ')
}

case ${1:-all} in
    all)
        for name in kills cutover updates faults builds mutations fuzz reproducible; do
            part "$name"
        done
        ;;
    kills | cutover | updates | faults | builds | mutations | fuzz | reproducible) part "$@" ;;
    *)
        sed -n '4,15s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac
[ "$failed" -eq 0 ]
