#!/bin/bash
# The acceptance on a real Proxmox VE node, with containers that it makes and takes away again; run as root on the node.
#
#   tests/on-proxmox.sh --bundle DIR --address A.B.C.D/N --gateway A.B.C.D [-- MORE INSTALL FLAGS]
#
# DIR is what tests/build.sh wrote (bin/, site/). The address must be free. Flags behind `--` go to every install, such as
# --bridge, --storage or --source-directory. Touches nothing but an instance called `acceptance` and a container of its own
# that looks like it; refuses to begin when either is there already. One line per check; the last line has the totals.
set -uo pipefail

NAME=acceptance
DOMAIN=acceptance.homeport.test
BUNDLE='' ADDRESS='' GATEWAY=''
passed=0
failed=0

usage() { sed -n '4,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }

while [ $# -gt 0 ]; do
    case $1 in
        --bundle) BUNDLE=$(readlink -f "${2:-}") ;;
        --address) ADDRESS=${2:-} ;;
        --gateway) GATEWAY=${2:-} ;;
        --) shift; break ;;
        *) usage ;;
    esac
    shift 2 || usage
done
if [ -z "$BUNDLE" ] || [ -z "$ADDRESS" ] || [ -z "$GATEWAY" ]; then usage; fi
MORE=("$@")
HOMEPORT=("$BUNDLE/bin/bootstrap" --bundle "$(echo "$BUNDLE"/site/homeport-*.tar.zst)")
IP=${ADDRESS%/*}
TMP=$(mktemp -d)
# What is unpacked for this goes with it, also what a killed one leaves.
export TMPDIR=$TMP
DECOY=''

check() { # NAME COMMAND…: runs it, says how it ended; what it said is shown when it ended badly.
    local name=$1 begun=$SECONDS
    shift
    if "$@" >"$TMP/said" 2>&1; then
        passed=$((passed + 1))
        printf 'ok    %-46s %4d s\n' "$name" $((SECONDS - begun))
    else
        failed=$((failed + 1))
        printf 'FAIL  %-46s %4d s\n' "$name" $((SECONDS - begun))
        tail -n 30 "$TMP/said" | sed 's/^/        /'
    fi
}

stop_here() { echo "on-proxmox: $*" >&2; exit 1; }

from_bundle() { "${HOMEPORT[@]}" "$@"; }

install_words() {
    printf '%s\n' install --yes --instance-id "$NAME" --domain "$DOMAIN" --ip-address "$ADDRESS" --gateway "$GATEWAY" \
        --admin-email admin@homeport.test --registration open "${MORE[@]}"
}

installs() {
    local words
    mapfile -t words < <(install_words)
    from_bundle "${words[@]}" "$@"
}

guest() { grep -lE "^tags: .*hp-id-$NAME(;|\$)" /etc/pve/lxc/*.conf 2>/dev/null | sed 's/.*\/\([0-9]*\)\.conf/\1/'; }

page() {
    openssl s_client -connect "$IP:443" </dev/null 2>/dev/null | openssl x509 >"$TMP/cert.pem" &&
        curl -fsS --max-time 20 --cacert "$TMP/cert.pem" --resolve "$DOMAIN:443:$IP" "https://$DOMAIN/api/v1/info"
}

# Everything of the node that an install could change: guests, volumes, mounts, what Homeport keeps.
state() {
    local storage
    grep -H . /etc/pve/lxc/*.conf /etc/pve/qemu-server/*.conf 2>/dev/null
    for storage in $(pvesm status --content rootdir | awk 'NR > 1 { print $1 }'); do pvesm list "$storage"; done
    grep -c lxc /proc/self/mountinfo
    find /var/lib/homeport/instances /var/lib/homeport/staging /var/lib/homeport/journal /etc/systemd/system -name '*acceptance*' 2>/dev/null
    return 0
}

dry_run() {
    state >"$TMP/before"
    installs --dry-run && state >"$TMP/after" && diff "$TMP/before" "$TMP/after"
}

# The certificate is the same, so is the data behind it: the container has not been made anew.
rebooted() { pct reboot "$(guest)" && homeport status "$NAME" --json >/dev/null; up_again; }

up_again() {
    local try
    for try in $(seq 60); do
        page >/dev/null 2>&1 && return 0
        sleep 1
    done
    echo "no page after $try tries"
    return 1
}

stopped() { homeport stop "$NAME" && pct status "$(guest)" | grep -qx 'status: stopped' && ! page; }
started() { homeport start "$NAME" && page; }
restarted() { homeport restart "$NAME" && page; }
healthy() { homeport status "$NAME" --json | grep -Eq '"overall": ?"healthy"'; }

# Killed in the middle of its work; the very same command then comes to its end.
killed() {
    local pid words
    mapfile -t words < <(install_words)
    setsid "${HOMEPORT[@]}" "${words[@]}" &
    pid=$!
    for _ in $(seq 600); do
        [ -n "$(guest)" ] && break
        sleep 0.1
    done
    # The program that was started, and Homeport, which it started: one process group.
    kill -KILL -- "-$pid"
    wait "$pid"
    [ -n "$(guest)" ] || { echo "it was killed before there was a container"; return 1; }
    installs && page
}

gone() {
    homeport uninstall "$NAME" --yes && [ -z "$(guest)" ] && state >"$TMP/after" && diff "$TMP/before" "$TMP/after"
}

decoy() { # A container of somebody else's with the same host name and almost the same tags.
    local template storage
    storage=$(pvesm status --content rootdir | awk 'NR > 1 && $3 == "active" { print $1; exit }')
    template=$(for at in $(pvesm status --content vztmpl | awk 'NR > 1 { print $1 }'); do pveam list "$at"; done |
        awk '/debian-[0-9]+-standard/ { print $1; exit }')
    if [ -z "$template" ] || [ -z "$storage" ]; then stop_here "no Debian template or no storage for a second container: pveam download"; fi
    DECOY=$(pvesh get /cluster/nextid)
    pct create "$DECOY" "$template" --unprivileged 1 --rootfs "$storage:2" --memory 128 \
        --hostname "$NAME" --tags "homeport;hp-id-${NAME}2" >"$TMP/said" 2>&1 || stop_here "$(tail -n 1 "$TMP/said")"
    cp "/etc/pve/lxc/$DECOY.conf" "$TMP/decoy"
}

# shellcheck disable=SC2317 # called by the trap
tidy() {
    [ -z "$(guest)" ] || from_bundle uninstall "$NAME" --yes >/dev/null 2>&1
    [ -z "$DECOY" ] || pct destroy "$DECOY" --purge 1 >/dev/null 2>&1
    rm -rf "$TMP"
}

[ "$(id -u)" = 0 ] || stop_here "run as root"
command -v pveversion >/dev/null || stop_here "this is no Proxmox VE node"
[ -z "$(guest)" ] || stop_here "an instance called $NAME is there already: homeport uninstall $NAME"
trap tidy EXIT
pveversion
decoy

check "dry run changes nothing" dry_run
check "install, killed half-way, completed" killed
check "page over TLS" page
check "healthy" healthy
check "the same page after a reboot" rebooted
check "stop" stopped
check "start" started
check "restart" restarted
check "uninstall leaves nothing" gone
check "the look-alike is untouched" cmp "/etc/pve/lxc/$DECOY.conf" "$TMP/decoy"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
