#!/usr/bin/env bash
# Throughput through the gate against nginx -> app directly, both in one run, alternating every second, so that a busy
# machine disturbs both alike. Prints the medians and the median ratio; leaves no process and no file behind.
#
#   HOMEPORT_BIN_DIR=DIR tests/bench/gate.sh [standin|nothing] [ROUNDS] [SECONDS]
#
# standin: the stand-in app lists 50 tasks from its database. nothing: an nginx answers 2 KiB from memory, an app that
# costs next to nothing, so that the gate's share is the largest it can be.
set -euo pipefail

agent=${HOMEPORT_BIN_DIR:?directory with the static homeport-agent}/homeport-agent
what=${1:-standin} rounds=${2:-15} seconds=${3:-1} path=/ header='X-None: none'
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for tool in nginx wrk perl curl jq unzip; do
    command -v "$tool" >/dev/null || { echo "gate.sh: $tool is missing" >&2; exit 1; }
done
[ -x "$agent" ] || { echo "gate.sh: $agent is missing" >&2; exit 1; }

dir=$(mktemp -d)
chmod 711 "$dir" # nginx's workers must reach the sockets
pids=()
cleanup() {
    # A process that was ended reports so with its exit status; the others still have to be ended.
    for pid in "${pids[@]}"; do
        if kill "$pid" 2>/dev/null; then wait "$pid" 2>/dev/null || true; fi
    done
    rm -rf "$dir"
}
trap cleanup EXIT

mkdir "$dir/colour" && touch "$dir/colour/blue"
app=127.0.0.1:18460 direct=18461 gated=18462

start_nothing() {
    # shellcheck disable=SC2059
    printf "${common//%s/app} http { access_log off; server { listen $app backlog=4096;
        location / { return 200 '%s'; } } }" "$(head -c 2048 /dev/zero | tr '\0' x)" >"$dir/app.conf"
    nginx -p "$dir" -e "$dir/app.log" -c "$dir/app.conf" &
    pids+=($!)
}

ask() { curl -sS --fail-with-body -H 'Content-Type: application/json' -H "$header" "$@"; }

start_standin() {
    local api=http://$app/api/v1 who='{"username":"ann","password":"correct-horse-1","email":"ann@example.org"}'
    "$here/../apps/build.sh" v2.5.0 "$dir" >&2
    unzip -qo -d "$dir" "$dir"/v2.5.0/*.zip
    (cd "$dir" && exec env VIKUNJA_SERVICE_INTERFACE=$app VIKUNJA_SERVICE_PUBLICURL=http://$app \
        VIKUNJA_SERVICE_SECRET=bench ./vikunja-*-linux-amd64 >/dev/null 2>&1) &
    pids+=($!)
    for _ in $(seq 50); do curl -s -o /dev/null "http://$app/" && break; sleep 0.1; done
    ask "$api/register" -d "$who" >/dev/null
    header="Authorization: Bearer $(ask "$api/login" -d "$who" | jq -er .token)"
    path=/api/v1/projects/$(ask -X PUT "$api/projects" -d '{"title":"p"}' | jq -er .id)/tasks
    for n in $(seq 50); do ask -X PUT "http://$app$path" -d "{\"title\":\"task $n\"}" >/dev/null; done
}

# The proxy asks both ways with the same settings (no connection to the app is kept).
common="daemon off; pid $dir/%s.pid; error_log $dir/%s.log crit; worker_rlimit_nofile 8192;
events { worker_connections 4000; }"
{
    echo "${common//%s/proxy} worker_processes 2; http { access_log off; keepalive_requests 1000000;"
    proxy="proxy_http_version 1.1; proxy_set_header Connection close; proxy_next_upstream off;"
    echo "server { listen 127.0.0.1:$direct; location / { $proxy proxy_pass http://$app; } }"
    echo "server { listen 127.0.0.1:$gated; location / { $proxy proxy_pass http://unix:$dir/requests.sock:; } }"
    echo "}"
} >"$dir/proxy.conf"

case $what in
    standin | nothing) "start_$what" ;;
    *) echo "gate.sh: $what is neither standin nor nothing" >&2; exit 2 ;;
esac
nginx -p "$dir" -e "$dir/proxy.log" -c "$dir/proxy.conf" &
pids+=($!)
# The listening sockets are standard input and output, as systemd passes them.
perl -MIO::Socket::UNIX -e '
    my ($dir, @command) = @ARGV; umask 0111;
    my @doors = map { IO::Socket::UNIX->new(Local => "$dir/$_.sock", Listen => 4096) or die "$_: $!" } qw(requests streams);
    open STDIN, "<&" . fileno $doors[0]; open STDOUT, ">&" . fileno $doors[1];
    exec @command or die "$command[0]: $!"' \
    "$dir" "$agent" gate --control "$dir/control" --hold-mark "$dir/hold" --colour-dir "$dir/colour" \
    --blue "$app" --green "$app" --width 64 &
pids+=($!)

rate() { wrk -t1 -c32 -d"${2}s" -H "$header" "http://127.0.0.1:$1$path" >"$dir/wrk" || return 1
    grep -Eq 'Non-2xx|Socket errors' "$dir/wrk" && { cat "$dir/wrk" >&2; return 1; }
    awk '/Requests\/sec/ { print $2 }' "$dir/wrk"; }
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

for _ in $(seq 50); do [ -S "$dir/control" ] && break; sleep 0.1; done
rate $direct 1 >/dev/null; rate $gated 1 >/dev/null # warm up
for _ in $(seq "$rounds"); do
    d=$(rate $direct "$seconds") g=$(rate $gated "$seconds")
    echo "$d" >>"$dir/direct"; echo "$g" >>"$dir/gated"
    awk -v d="$d" -v g="$g" 'BEGIN { printf "%.4f\n", g / d }' >>"$dir/ratio"
done
echo "$what: $rounds rounds of ${seconds} s each way, medians: direct $(median "$dir/direct"), gate $(median "$dir/gated")" \
    "requests/s, ratio of a round $(median "$dir/ratio")"
