#!/bin/bash
# Builds the lab's one container template, a plain Debian 12 in the archive form and with the manners of Proxmox's own, and
# keeps it in the cache. Never changes an existing template: remove the file to have it built again.
set -euo pipefail

OUT=${1:?usage: template.sh FILE.tar.zst}
RELEASE=bookworm
# What Proxmox's standard template has and an application server notices: an init, ifupdown, DHCP, sshd, cron, no compiler,
# no curl, no sudo, no web server.
PACKAGES=systemd,systemd-sysv,dbus,libpam-systemd,ifupdown,isc-dhcp-client,iproute2,iputils-ping,netbase,procps,kmod
PACKAGES+=,ca-certificates,openssl,openssh-server,cron,logrotate,less,nano,apt-utils,whiptail

# The machine's own package sources, as "URI suite label"; whatever mirror or cache it uses is used for the template as well.
sources() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(LABEL)' 'Created-By: Packages' | awk '$3 ~ /^Debian/' | sort -u
}

proxy() {
    local value
    eval "$(apt-config shell value Acquire::http::Proxy)"
    [ -z "${value:-}" ] || [ "$value" = DIRECT ] || export http_proxy="$value"
}

bootstrap() {
    local mirror
    # The labels of the sources are only known once their indexes have been fetched.
    [ -n "$(sources)" ] || apt-get update -qq
    mirror=$(sources | awk -v release="$RELEASE" '$2 == release { print $1 }' | head -n1)
    [ -n "$mirror" ] || mirror=$(sources | awk '$3 == "Debian" { print $1 }' | head -n1)
    [ -n "$mirror" ] || { echo "template.sh: no Debian package source is configured; add one and run apt-get update" >&2; exit 1; }
    debootstrap --variant=minbase --include="$PACKAGES" "$RELEASE" "$1" "$mirror" >"$1.log" 2>&1 ||
        { tail -n 20 "$1.log" >&2; echo "template.sh: debootstrap failed" >&2; exit 1; }
}

# Nothing of the building machine may stay behind, and nothing a container cannot do may be tried at boot.
clean() {
    sources | awk '{ print "deb", $1, $2, "main" }' >"$1/etc/apt/sources.list"
    chroot "$1" apt-get clean
    : >"$1/etc/machine-id"
    : >"$1/etc/resolv.conf"
    echo localhost >"$1/etc/hostname"
    rm -rf "$1"/etc/ssh/ssh_host_* "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*.log "$1"/tmp/*
    ln -sf /dev/null "$1/etc/systemd/system/sys-kernel-debug.mount"
    ln -sf /dev/null "$1/etc/systemd/system/sys-kernel-config.mount"
    chmod 644 "$1"/etc/{hosts,hostname,resolv.conf}
}

if [ -f "$OUT" ]; then exit 0; fi
umask 022
mkdir -p "$(dirname "$OUT")"
work=$(mktemp -d "$(dirname "$OUT")/build.XXXXXX")
trap 'rm -rf "$work" "$OUT.part"' EXIT
proxy
bootstrap "$work/root"
clean "$work/root"
tar -C "$work/root" --numeric-owner --xattrs --exclude='./dev/*' -cf - . | zstd -q -T0 -6 -o "$OUT.part"
mv "$OUT.part" "$OUT"
