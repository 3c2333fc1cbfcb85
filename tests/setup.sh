#!/bin/bash
# Installs what building and testing need on Debian 12 with git and rustup's stable Rust. Run as root; may be run again.
#
#   tests/setup.sh                       installs
#   tests/setup.sh --missing PACKAGE…    says which of these are not installed, and installs nothing
set -euo pipefail

# Builds: a C compiler for TLS and compression, musl for the static programs, a place for the compiler that builds for
# old hosts. Tests: the real programs they talk to.
PACKAGES=(
    build-essential musl-tools ca-certificates curl git
    minisign gpg gpgv zstd sqlite3 openssl nginx-light python3 python3-jsonschema python3-venv python3-yaml man-db
    strace jq shellcheck procps iproute2 util-linux zip unzip
)

# Those of the packages that are not installed. dpkg-query fails when it has never heard of one: that is an answer, too.
missing() { # PACKAGE…
    { dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null || true; } |
        awk '$1 == "ii" { print $2 }' | sort | comm -13 - <(printf '%s\n' "$@" | sort)
}

if [ "${1:-}" = --missing ]; then
    missing "${@:2}"
    exit
fi
missing=$(missing "${PACKAGES[@]}")
if [ -n "$missing" ]; then
    echo "setup: installing ${missing//$'\n'/ }" >&2
    # A program that is installed for the tests must not start serving: they start their own.
    guard=/usr/sbin/policy-rc.d
    if [ ! -e "$guard" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$guard"
        chmod 755 "$guard"
        trap 'rm -f "$guard"' EXIT
    fi
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if ! rustup target list --installed | grep -qx x86_64-unknown-linux-musl; then
    echo "setup: adding the musl target" >&2
    rustup target add x86_64-unknown-linux-musl
fi
rustup component list --installed | grep -q '^clippy' || rustup component add clippy
rustup component list --installed | grep -q '^rustfmt' || rustup component add rustfmt
