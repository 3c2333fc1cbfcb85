#!/bin/bash
# Measures what the bench page says and prints its tables: tests/bench/run.sh [DIST]. Run as root after tests/build.sh,
# the lab being up (tests/lab/up.sh). Installs one instance of its own and removes it again.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(dirname "$(dirname "$HERE")")
DIST=${1:-$ROOT/target/dist}
NET=${LAB_NET:-10.78.0}
NAME=bench
KNOBS=/run/homeport-lab.conf
CALLS=$(mktemp)
WORK=$(mktemp -d)
command -v bc >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq bc >/dev/null
trap 'rm -rf "$CALLS" "$WORK" "$KNOBS"' EXIT

bash "$ROOT/tests/apps/build.sh" v2.5.0 "$WORK/apps" >/dev/null 2>&1
# A Homeport with its manifest, as the bootstrap would unpack it.
mkdir "$WORK/homeport"
zstd -dcq "$DIST"/site/homeport-*.tar.zst | tar -x -C "$WORK/homeport"
homeport=$WORK/homeport/bin/homeport

size() { printf '| %s | %s |\n' "$1" "$(stat -c %s "$2")"; }

# Median of 40 starts, milliseconds.
start() {
    python3 - "$@" <<'EOF'
import statistics, subprocess, sys, time
def once():
    begun = time.perf_counter()
    subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begun) * 1000
print(f"{statistics.median(once() for _ in range(40)):.1f}")
EOF
}

# Runs a verb that ends with $EXPECTED; prints its seconds and how many calls of the host's programs it made.
verb() {
    : >"$CALLS"
    local begun status=0
    begun=$(date +%s.%N)
    "$homeport" "$@" --yes --quiet >/dev/null 2>"$WORK/err" || status=$?
    [ "$status" = "${EXPECTED:-0}" ] || { cat "$WORK/err" >&2; return 1; }
    printf '%.1f s, %s calls' "$(echo "$(date +%s.%N) - $begun" | bc)" "$(wc -l <"$CALLS")"
}

install_bench() {
    verb install --instance-id $NAME --domain $NAME.homeport.test --ip-address "$NET.150/24" --gateway "$NET.1" \
        --admin-email bench@homeport.test --registration open --source-directory "$WORK/apps/v2.5.0" \
        --source-sha256 "$(cut -d' ' -f1 "$WORK"/apps/v2.5.0/*.zip.sha256)"
}

# Id of the instance's container.
guest() { "$homeport" list --json | jq -r --arg name $NAME '.instances[] | select(.instance == $name) | .guest'; }

# Seconds of the last install's steps that are neither the package manager's nor the template's, from the operation's log.
beyond_apt() {
    awk '/\[install\] step 1: / { sum = 0 }
         /\[install\] step [0-9]+: / { title = $0 }
         /\[install\] step [0-9]+ done after/ {
             if (title !~ /Install |list of packages|template|certificate authorities/) sum += $(NF - 1) }
         END { printf "%.1f s", sum / 1000 }' "/var/log/homeport/$NAME.log"
}

# Most memory a verb's process held, MiB.
peak() {
    python3 - "$@" <<'EOF'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.1f} MiB")
EOF
}

verbs() {
    printf '| install | %s |\n' "$(install_bench)"
    printf '| – beyond package manager and template | %s |\n' "$(beyond_apt)"
    local id
    id=$(guest)
    printf '| status | %s |\n' "$(verb status $NAME)"
    pct exec "$id" -- systemctl stop vikunja-backend@blue
    printf '| – of an app that is stopped | %s |\n' "$(EXPECTED=10 verb status $NAME)"
    printf '| list | %s |\n' "$(verb list)"
    printf '| restart | %s |\n' "$(verb restart $NAME)"
    printf '| stop | %s |\n' "$(verb stop $NAME)"
    printf '| start | %s |\n' "$(verb start $NAME)"
    printf '| uninstall | %s |\n' "$(verb uninstall $NAME)"
}

echo "| program | bytes |"
echo "|---|---|"
size bootstrap "$DIST/bin/bootstrap"
size homeport-agent "$DIST/bin/homeport-agent"
size homeport "$DIST/bin/homeport"
for plugin in db-sqlite proxy-nginx health; do size "$plugin.so" "$DIST/bin/plugins/$plugin.so"; done
size bundle "$(ls "$DIST"/site/homeport-*.tar.zst)"
echo
echo "| start, median of 40 | ms |"
echo "|---|---|"
echo "| /bin/true | $(start /bin/true) |"
echo "| bootstrap --version | $(start "$DIST/bin/bootstrap" --version) |"
echo "| homeport --version | $(start "$homeport" --version) |"
for latency in 0 700; do
    printf 'LAB_CALL_LOG=%s\nLAB_LATENCY_MS=%s\n' "$CALLS" "$latency" >"$KNOBS"
    echo
    echo "| verb, $latency ms added to every call of the host | time, calls |"
    echo "|---|---|"
    verbs
done
rm -f "$KNOBS"
echo
echo "| peak memory | |"
echo "|---|---|"
install_bench >/dev/null
echo "| homeport status | $(peak "$homeport" status $NAME) |"
# shellcheck disable=SC2016  # expanded inside the guest
gate=$(pct exec "$(guest)" -- sh -c 'grep VmHWM "/proc/$(systemctl show -P MainPID homeport-gate@backend.service)/status"' | awk '{ printf "%.1f MiB", $2 / 1024 }')
echo "| homeport-agent gate, in service | $gate |"
verb uninstall $NAME >/dev/null
