#!/usr/bin/env bash
# Throughput through the gate against nginx -> app directly, both in one run, alternating, so that a busy machine
# disturbs both alike. Prints the medians and their ratio; never leaves a process or a file behind.
#
#   HOMEPORT_BIN_DIR=DIR tests/bench/gate.sh [ROUNDS] [SECONDS]
#
# The app is a third nginx that answers 2 KiB from memory: an app that costs next to nothing, so the gate's share
# is the largest it can be.
set -euo pipefail

agent=${HOMEPORT_BIN_DIR:?directory with the static homeport-agent}/homeport-agent
rounds=${1:-5} seconds=${2:-4}
for tool in nginx wrk perl; do
    command -v "$tool" >/dev/null || { echo "gate.sh: $tool is missing" >&2; exit 1; }
done
[ -x "$agent" ] || { echo "gate.sh: $agent is missing" >&2; exit 1; }

dir=$(mktemp -d)
chmod 711 "$dir" # nginx's workers must reach the sockets
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
    rm -rf "$dir"
}
trap cleanup EXIT

mkdir "$dir/colour" && touch "$dir/colour/blue"
app=18460 direct=18461 gated=18462

# One nginx as app, one as proxy; the proxy asks both ways with the same settings (no connection to the app is kept).
common="daemon off; pid $dir/%s.pid; error_log $dir/%s.log crit; worker_rlimit_nofile 8192;
events { worker_connections 4000; }"
{
    # shellcheck disable=SC2059
    printf "${common//%s/app} http { access_log off; server { listen 127.0.0.1:$app backlog=4096;
        location / { return 200 '%s'; } } }" "$(head -c 2048 /dev/zero | tr '\0' x)"
} >"$dir/app.conf"
{
    echo "${common//%s/proxy} worker_processes 2; http { access_log off; keepalive_requests 1000000;"
    proxy="proxy_http_version 1.1; proxy_set_header Connection close; proxy_next_upstream off;"
    echo "server { listen 127.0.0.1:$direct; location / { $proxy proxy_pass http://127.0.0.1:$app; } }"
    echo "server { listen 127.0.0.1:$gated; location / { $proxy proxy_pass http://unix:$dir/requests.sock:; } }"
    echo "}"
} >"$dir/proxy.conf"

for one in app proxy; do
    nginx -p "$dir" -e "$dir/$one.log" -c "$dir/$one.conf" &
    pids+=($!)
done
# The listening sockets are standard input and output, as systemd passes them.
perl -MIO::Socket::UNIX -e '
    my ($dir, @command) = @ARGV; umask 0111;
    my @doors = map { IO::Socket::UNIX->new(Local => "$dir/$_.sock", Listen => 4096) or die "$_: $!" } qw(requests streams);
    open STDIN, "<&" . fileno $doors[0]; open STDOUT, ">&" . fileno $doors[1];
    exec @command or die "$command[0]: $!"' \
    "$dir" "$agent" gate --control "$dir/control" --hold-mark "$dir/hold" --colour-dir "$dir/colour" \
    --blue "127.0.0.1:$app" --green "127.0.0.1:$app" --width 64 &
pids+=($!)

rate() { wrk -t1 -c32 -d"${2}s" "http://127.0.0.1:$1/" >"$dir/wrk" || return 1
    grep -Eq 'Non-2xx|Socket errors' "$dir/wrk" && { cat "$dir/wrk" >&2; return 1; }
    awk '/Requests\/sec/ { print $2 }' "$dir/wrk"; }
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

for _ in $(seq 50); do [ -S "$dir/control" ] && break; sleep 0.1; done
rate $direct 1 >/dev/null; rate $gated 1 >/dev/null # warm up
for round in $(seq "$rounds"); do
    rate $direct "$seconds" >>"$dir/direct"
    rate $gated "$seconds" >>"$dir/gated"
    echo "round $round: direct $(tail -1 "$dir/direct") gate $(tail -1 "$dir/gated") requests/s"
done
d=$(median "$dir/direct") g=$(median "$dir/gated")
awk -v d="$d" -v g="$g" 'BEGIN { printf "medians: direct %.0f, gate %.0f requests/s, ratio %.3f\n", d, g, g / d }'
