#!/bin/bash
# Takes the lab down again: its containers, bridge, NAT rules and state. Keeps the caches unless called with --purge. Never
# removes packages, and no container that is not in the lab's own configuration.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
LAB_ROOT=${LAB_ROOT:-/var/lib/homeport-lab}
LAB_CACHE=${LAB_CACHE:-/var/cache/homeport-lab}
LAB_BRIDGE=${LAB_BRIDGE:-vmbr0}

[ "$(id -u)" = 0 ] || { echo "down.sh: run as root" >&2; exit 1; }
[ $# -eq 0 ] || [ "$*" = --purge ] || { echo "usage: down.sh [--purge]" >&2; exit 1; }

containers() {
    local file id
    for file in "$LAB_ROOT"/etc/pve/lxc/*.conf; do
        [ -f "$file" ] || continue
        id=$(basename "$file" .conf)
        # What a test left locked or protected goes as well.
        sed -i '/^lock:/d; /^protection:/d' "$file"
        "$HERE/bin/pct" destroy "$id" --force --purge >/dev/null
        # A create that was killed leaves a mount behind that destroy does not know of.
        while umount "/var/lib/lxc/$id/rootfs" 2>/dev/null; do :; done
        rm -rf --one-file-system "/var/lib/lxc/$id"
    done
}

rules() {
    local table rule
    for table in nat filter; do
        { iptables -w -t "$table" -S | grep -- "--comment homeport-lab-$LAB_BRIDGE " || true; } | while read -r _ rule; do
            # shellcheck disable=SC2086 # a rule is several words
            iptables -w -t "$table" -D $rule
        done
    done
}

if [ -d "$LAB_ROOT/etc/pve" ]; then
    containers
    "$HERE/scene.py" clear
    rm -rf "$LAB_ROOT"
fi
rules
for program in pct pvesh pveam pvesm pveversion pvecm vzdump; do
    if [ "$(readlink "/usr/local/sbin/$program")" = "$HERE/bin/$program" ]; then rm "/usr/local/sbin/$program"; fi
done
if [ -d "/sys/class/net/$LAB_BRIDGE/bridge" ]; then ip link delete "$LAB_BRIDGE"; fi
if [ "$(readlink /etc/pve)" = "$LAB_ROOT/etc/pve" ]; then rm /etc/pve; fi
if [ "${1:-}" = --purge ]; then
    # A create that was killed while it filled the kept image of a template has left that mounted.
    awk -v under="$LAB_CACHE/images/" 'index($2, under) == 1 { print $2 }' /proc/mounts | xargs -r umount
    rm -rf "$LAB_CACHE"
fi
