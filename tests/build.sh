#!/bin/bash
# Builds everything a release is made of, signs it and lays it out as a server would: tests/build.sh [OUT]
#
#   OUT/bin/            bootstrap, homeport, homeport-agent and plugins/, as built
#   OUT/keys/           homeport.key, homeport.pub – made for this build unless HOMEPORT_KEY_DIR names others
#   OUT/site/           install.sh, bootstrap, bundle, channel: what `curl` finds below the base URL
#
# HOMEPORT_KEY_DIR       directory with an unencrypted homeport.key and homeport.pub
# HOMEPORT_SITE_URL      base URL written into install.sh (default: where the demo serves)
# HOMEPORT_CHANNEL_DAYS  how long the channel file is valid (default 30)
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(dirname "$HERE")
OUT=${1:-$ROOT/target/dist}
cd "$ROOT"
VERSION=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
MUSL=x86_64-unknown-linux-musl
GNU=x86_64-unknown-linux-gnu
# The oldest C library a host of ours has: Debian 11's, which is that of Proxmox VE 7.
OLDEST_GLIBC=2.31
# The compiler that builds against it, whatever the machine's own is; fetched once, whole versions side by side.
ZIGBUILD=0.24.1 ZIG=0.15.2
TOOLS=${XDG_CACHE_HOME:-$HOME/.cache}/homeport/zigbuild-$ZIGBUILD-$ZIG
TARGET=${CARGO_TARGET_DIR:-target}
# Where the sources lie is nobody's business, and must not change a byte.
export RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$ROOT=/homeport"

keys() {
    mkdir -p "$OUT/keys"
    if [ -n "${HOMEPORT_KEY_DIR:-}" ]; then
        [ "$HOMEPORT_KEY_DIR" -ef "$OUT/keys" ] || cp "$HOMEPORT_KEY_DIR"/homeport.{key,pub} "$OUT/keys/"
    elif [ ! -e "$OUT/keys/homeport.key" ]; then
        minisign -G -W -p "$OUT/keys/homeport.pub" -s "$OUT/keys/homeport.key" >/dev/null
    fi
    HOMEPORT_PUBLIC_KEY=$(sed -n 2p "$OUT/keys/homeport.pub")
    export HOMEPORT_PUBLIC_KEY
}

# Complete or not at all: the mark is written last. Builds side by side wait for one another.
tools() {
    mkdir -p "${TOOLS%/*}"
    (
        flock 9
        [ ! -e "$TOOLS/complete" ] || exit 0
        echo "build: fetching zig $ZIG, to build for glibc $OLDEST_GLIBC" >&2
        rm -rf "$TOOLS"
        python3 -m venv "$TOOLS"
        "$TOOLS/bin/pip" --quiet --disable-pip-version-check install "cargo-zigbuild==$ZIGBUILD" "ziglang==$ZIG"
        touch "$TOOLS/complete"
    ) 9>"$TOOLS.lock"
}

# What a host with the oldest C library could not load is an error here, not there.
old_enough() { # FILE…
    local file newest
    for file in "$@"; do
        newest=$(objdump -T "$file" | grep -oE 'GLIBC_[0-9.]+' | sort -Vu | tail -n 1)
        if [ "$(printf '%s\n' "$newest" "GLIBC_$OLDEST_GLIBC" | sort -V | tail -n 1)" != "GLIBC_$OLDEST_GLIBC" ]; then
            echo "build: $file needs $newest, but hosts have $OLDEST_GLIBC" >&2
            exit 1
        fi
    done
}

programs() {
    cargo build --locked --quiet --profile bootstrap --target "$MUSL" -p homeport-bootstrap -p homeport-agent
    PATH=$TOOLS/bin:$PATH cargo zigbuild --locked --quiet --release --target "$GNU.$OLDEST_GLIBC"
    mkdir -p "$OUT/bin/plugins"
    install -m 755 "$TARGET/$MUSL/bootstrap/bootstrap" "$TARGET/$MUSL/bootstrap/homeport-agent" "$TARGET/$GNU/release/homeport" "$OUT/bin/"
    local plugin
    for plugin in db-sqlite proxy-nginx health; do
        install -m 644 "$TARGET/$GNU/release/libhomeport_${plugin//-/_}.so" "$OUT/bin/plugins/$plugin.so"
    done
    local static
    for static in bootstrap homeport-agent; do
        if readelf -l "$OUT/bin/$static" | grep -q INTERP; then
            echo "build: $static is not static" >&2
            exit 1
        fi
    done
    old_enough "$OUT/bin/homeport" "$OUT"/bin/plugins/*.so
}

site() {
    local tree=$OUT/tree name=homeport-$VERSION-x86_64-linux.tar.zst days=${HOMEPORT_CHANNEL_DAYS:-30}
    rm -rf "$tree" "$OUT/site"
    mkdir -p "$tree/bin" "$OUT/site"
    cp "$OUT/bin/homeport" "$OUT/bin/homeport-agent" "$tree/bin/"
    cp -r "$OUT/bin/plugins" "$tree/plugins"
    cp -r templates "$tree/templates"
    "$OUT/bin/homeport" bundle documents --out "$tree/share" >&2
    "$OUT/bin/homeport" bundle create --from "$tree" --release "$VERSION" --out "$OUT/site" --key "$OUT/keys/homeport.key"
    "$OUT/bin/homeport" bundle channel stable --newest "$VERSION" --lowest "$VERSION" --days "$days" \
        --out "$OUT/site" --key "$OUT/keys/homeport.key"
    "$OUT/bin/homeport" bundle verify "$OUT/site/$name"
    cp "$OUT/bin/bootstrap" "$OUT/site/bootstrap-x86_64-linux"
    bash bootstrap/render-install.sh "${HOMEPORT_SITE_URL:-http://127.0.0.1:8480}" "$OUT/bin/bootstrap" >"$OUT/site/install.sh"
}

keys
tools
programs
site
echo "build: Homeport $VERSION is in $OUT" >&2
