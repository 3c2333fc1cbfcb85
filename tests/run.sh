#!/bin/bash
# Every test, on a machine with Debian 12, git and rustup's stable Rust; run as root. The last line has the totals.
#
#   tests/run.sh             everything
#   tests/run.sh PART…       only these parts: style house unit plans config traps bundle agent gate plugins apps lab target install
set -uo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(dirname "$HERE")
cd "$ROOT" || exit 1
LOGS=$ROOT/target/test-logs
DIST=$ROOT/target/dist
mkdir -p "$LOGS"
rm -f "$LOGS/lane.totals"
passed=0
failed=0

# Runs one part; its totals are read from what the test runners print, and a part that fails without saying so counts
# as one failure.
part() {
    local name=$1 log=$LOGS/$1.log begun=$SECONDS status=0 good bad
    shift
    "$@" >"$log" 2>&1 || status=$?
    good=$(totals "$log" passed)
    bad=$(totals "$log" failed)
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$status" -eq 0 ] && [ "$good" -eq 0 ] && [ "$bad" -eq 0 ]; then
        echo "$name ran no test" >>"$log"
        bad=1
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
    printf '%-10s %5d passed, %d failed  (%d s)\n' "$name" "$good" "$bad" $((SECONDS - begun))
    if [ "$bad" -ne 0 ]; then
        echo "----- the end of $log:"
        grep -vE '^test .* \.\.\. ok$' "$log" | tail -n 60
        echo "-----"
    fi
    sed -n 's/^table: //p' "$log"
}

# `test result: ok. 12 passed; 0 failed;` of cargo and `12 passed, 0 failed` of our own scripts.
totals() {
    grep -E '^(test result:.* [0-9]+ passed;|[0-9]+ passed, [0-9]+ failed)' "$1" |
        grep -oE "[0-9]+ $2" | awk '{ sum += $1 } END { print sum + 0 }'
}

# One check that either holds or does not.
holds() {
    if "$@"; then echo "1 passed, 0 failed"; else echo "0 passed, 1 failed"; return 1; fi
}

style() {
    local status=0
    holds cargo fmt --all --check || status=1
    holds cargo clippy --locked --quiet --workspace --all-targets -- -D warnings || status=1
    # shellcheck disable=SC2046  # a list of names
    holds shellcheck -x -P SCRIPTDIR $(git ls-files '*.sh' .ci/run) || status=1
    return $status
}

# Go's runner and the lab's table say each line by itself.
counted() {
    local pass=$1 fail=$2 status=0 out
    shift 2
    out=$(mktemp)
    "$@" >"$out" 2>&1 || status=$?
    cat "$out"
    echo "$(grep -cE "$pass" "$out") passed, $(grep -cE "$fail" "$out") failed"
    rm -f "$out"
    return $status
}

rust() { cargo test --locked --quiet "$@"; }
# What a test has to tell – its `table: ` lines – is shown when it passes, too.
outside() { rust -p homeport-tests --test "$1" -- --show-output; }

wanted() { [ ${#PARTS[@]} -eq 0 ] || printf '%s\n' "${PARTS[@]}" | grep -qx "$1"; }
PARTS=("$@")

bash tests/setup.sh || { echo "0 passed, 1 failed"; exit 1; }
begun=$SECONDS
if ! bash tests/build.sh "$DIST" >"$LOGS/build.log" 2>&1; then
    tail -n 40 "$LOGS/build.log"
    echo "0 passed, 1 failed"
    exit 1
fi
echo "build                              ($((SECONDS - begun)) s)"
export HOMEPORT_DIST=$DIST HOMEPORT_BIN_DIR=$DIST/bin HOMEPORT_TEST_KEY_DIR=$DIST/keys HOMEPORT_LAB_PATH=$HERE/lab/bin

computing() {
    wanted style && part style style
    wanted house && part house outside house
    wanted unit && part unit rust --workspace --exclude homeport-tests -- --show-output
    wanted plans && part plans outside plans
    wanted config && part config outside config
    wanted traps && part traps counted '^ok ' '^FAIL ' python3 tests/lab/mutate.py --check
    wanted bundle && part bundle outside bundle
    wanted agent && part agent outside agent
    wanted gate && part gate outside gate
    wanted plugins && part plugins outside plugins
    wanted apps && part apps counted '^--- PASS' '^--- FAIL' bash tests/apps/test.sh -v
    wanted apps && part standin outside standin
}

containers() {
    if bash tests/lab/up.sh >"$LOGS/lab-up.log" 2>&1; then
        wanted lab && part lab counted '^ok ' '^FAIL ' python3 tests/lab/check.py
        wanted target && part target outside target
        wanted install && part install outside install
    else
        tail -n 20 "$LOGS/lab-up.log"
        failed=$((failed + 1))
    fi
}

# What needs the lab mostly waits for containers, the rest mostly computes: two lanes, side by side. The lab's is told
# when the other has ended. A group of its own ends with this script.
lane=
if wanted lab || wanted target || wanted install; then
    rust -p homeport-tests --no-run
    set -m
    { containers; echo "$passed $failed" >"$LOGS/lane.totals"; } >"$LOGS/lane.log" 2>&1 </dev/null &
    lane=$!
    set +m
    trap 'kill -- "-$lane"; exit 130' INT TERM
fi
computing
if [ -n "$lane" ]; then
    wait "$lane"
    cat "$LOGS/lane.log"
    read -r good bad <"$LOGS/lane.totals" || { good=0 bad=1; }
    passed=$((passed + good))
    failed=$((failed + bad))
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
