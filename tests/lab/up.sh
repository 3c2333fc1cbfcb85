#!/bin/bash
# Turns this machine into the lab's Proxmox host: packages, id ranges, bridge, NAT, lxcfs, template, configuration. Run as
# root; may be run any number of times. Never touches an interface, rule or file it did not make, except to add root's id range.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
LAB_ROOT=${LAB_ROOT:-/var/lib/homeport-lab}
LAB_CACHE=${LAB_CACHE:-/var/cache/homeport-lab}
LAB_NET=${LAB_NET:-10.78.0}
LAB_NET6=${LAB_NET6:-fd00:${LAB_NET//./:}}
LAB_BRIDGE=${LAB_BRIDGE:-vmbr0}
TEMPLATE=debian-12-standard_12.12-1_amd64.tar.zst
PACKAGES=(lxc lxcfs debootstrap uidmap iptables iproute2 e2fsprogs mount zstd openssh-client openssl python3 procps tzdata)

fail() { echo "up.sh: $*" >&2; exit 1; }
step() { echo "lab: $*" >&2; }

packages() {
    local missing
    # shellcheck disable=SC2016 # the braces are dpkg-query's
    missing=$({ dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${PACKAGES[@]}" 2>/dev/null || true; } |
        awk '$1 == "ii" { print $2 }' | sort | comm -13 - <(printf '%s\n' "${PACKAGES[@]}" | sort))
    [ -n "$missing" ] || return 0
    step "installing" "$missing"
    apt-get update -qq
    # What lxc merely recommends would bring a second bridge; the lab has its own.
    # shellcheck disable=SC2086 # several names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

idmap() {
    local file
    for file in /etc/subuid /etc/subgid; do
        grep -qx 'root:100000:65536' "$file" 2>/dev/null || echo 'root:100000:65536' >>"$file"
    done
}

bridge() {
    [ -d "/sys/class/net/$LAB_BRIDGE/bridge" ] || { step "bridge $LAB_BRIDGE $LAB_NET.1/24"; ip link add "$LAB_BRIDGE" type bridge; }
    ip -4 -o address show dev "$LAB_BRIDGE" | grep -q " $LAB_NET.1/24 " || ip address add "$LAB_NET.1/24" dev "$LAB_BRIDGE"
    # A private IPv6 network beside it (RFC 4193), where the kernel has IPv6 at all.
    if [ -e /proc/net/if_inet6 ] && [ -z "$(ip -6 -o address show dev "$LAB_BRIDGE" to "$LAB_NET6::1")" ]; then
        ip address add "$LAB_NET6::1/64" dev "$LAB_BRIDGE" nodad
    fi
    # Containers must not see packets larger than the way out takes.
    local out mtu
    out=$(ip -4 route show default | awk '{ for (i = 1; i < NF; i++) if ($i == "dev") { print $(i + 1); exit } }')
    mtu=$(cat "/sys/class/net/${out:-lo}/mtu" 2>/dev/null || echo 1500)
    ip link set "$LAB_BRIDGE" mtu "$((mtu < 1500 ? mtu : 1500))" up
}

rule() {
    iptables -w -t "$1" -C "${@:2}" 2>/dev/null || iptables -w -t "$1" -A "${@:2}"
}

forwarding() {
    [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || echo 1 >/proc/sys/net/ipv4/ip_forward
    rule nat POSTROUTING -s "$LAB_NET.0/24" ! -d "$LAB_NET.0/24" -m comment --comment "homeport-lab-$LAB_BRIDGE" -j MASQUERADE
    rule filter FORWARD -i "$LAB_BRIDGE" -m comment --comment "homeport-lab-$LAB_BRIDGE" -j ACCEPT
    rule filter FORWARD -o "$LAB_BRIDGE" -m comment --comment "homeport-lab-$LAB_BRIDGE" -j ACCEPT
}

lxcfs_running() { [ -r /var/lib/lxcfs/proc/meminfo ]; }

memory_view() {
    lxcfs_running && return 0
    step "starting lxcfs"
    # One that was killed has left a dead mount.
    umount -l /var/lib/lxcfs 2>/dev/null || true
    mkdir -p /var/lib/lxcfs
    if [ -d /run/systemd/system ]; then
        systemctl start lxcfs
    else
        setsid lxcfs /var/lib/lxcfs </dev/null >/dev/null 2>&1 &
    fi
    for _ in $(seq 50); do lxcfs_running && return 0; sleep 0.1; done
    fail "lxcfs does not come up; containers would see the host's memory"
}

loop_devices() {
    [ -e /dev/loop-control ] || modprobe loop 2>/dev/null || true
    [ -e /dev/loop-control ] || fail "no loop devices; container disks are loop-mounted images"
}

tree() {
    local node
    node=$(uname -n); node=${node%%.*}
    mkdir -p "$LAB_ROOT"/{run,etc/network,var/log/pve/tasks,var/lib/vz/template/cache,local-dir/images} "$LAB_ROOT/etc/pve/nodes/$node"/{lxc,qemu-server}
    # Container directories and disks must be reachable for the ids they are shifted to, and secret to everybody else.
    chmod 755 "$LAB_ROOT" /var/lib/lxc
    ln -sfn "nodes/$node" "$LAB_ROOT/etc/pve/local"
    ln -sfn local/lxc "$LAB_ROOT/etc/pve/lxc"
    ln -sfn local/qemu-server "$LAB_ROOT/etc/pve/qemu-server"
    [ -e /etc/pve ] || ln -sfn "$LAB_ROOT/etc/pve" /etc/pve
    [ -f "$LAB_ROOT/etc/pve/storage.cfg" ] || printf 'dir: local\n\tpath %s\n\tcontent iso,vztmpl,backup\n\ndir: local-dir\n\tpath %s\n\tcontent rootdir,images\n' \
        "$LAB_ROOT/var/lib/vz" "$LAB_ROOT/local-dir" >"$LAB_ROOT/etc/pve/storage.cfg"
    [ -f "$LAB_ROOT/etc/pve/.members" ] || printf '{"nodename":"%s","version":1}\n' "$node" >"$LAB_ROOT/etc/pve/.members"
    [ -f "$LAB_ROOT/etc/pve/.vmlist" ] || echo '{"version":1}' >"$LAB_ROOT/etc/pve/.vmlist"
    printf 'auto %s\niface %s inet static\n\taddress %s.1/24\n\tbridge-ports none\n\tbridge-stp off\n\tbridge-fd 0\n' \
        "$LAB_BRIDGE" "$LAB_BRIDGE" "$LAB_NET" >"$LAB_ROOT/etc/network/interfaces"
}

# The mirror `pveam` downloads from is a directory with an index of `section name sha512` lines.
template() {
    local mirror=$LAB_CACHE/mirror
    [ -f "$mirror/$TEMPLATE" ] || { step "building the template (about a minute)"; "$HERE/template.sh" "$mirror/$TEMPLATE"; }
    [ -f "$mirror/index" ] || (cd "$mirror" && sha512sum "$TEMPLATE" | awk '{ print "system", $2, $1 }' >index.part && mv index.part index)
    [ -f "$LAB_ROOT/var/lib/pve-manager/apl-info/index" ] || "$HERE/bin/pveam" update >/dev/null
}

# Where programs are found that, like Homeport, give those they start a PATH of their own.
programs() {
    local program
    for program in pct pvesh pveam pvesm pveversion pvecm vzdump; do
        if [ -e "/usr/sbin/$program" ] || [ -e "/usr/bin/$program" ]; then
            fail "this is a Proxmox host: the lab is for machines that are none"
        fi
        ln -sfn "$HERE/bin/$program" "/usr/local/sbin/$program"
    done
}

[ "$(id -u)" = 0 ] || fail "run as root"
packages
loop_devices
idmap
bridge
forwarding
memory_view
tree
programs
template
echo "export PATH=$HERE/bin:\$PATH"
