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

programs() {
    cargo build --locked --quiet --profile bootstrap --target "$MUSL" -p homeport-bootstrap -p homeport-agent
    cargo build --locked --quiet --release
    mkdir -p "$OUT/bin/plugins"
    install -m 755 "$TARGET/$MUSL/bootstrap/bootstrap" "$TARGET/$MUSL/bootstrap/homeport-agent" "$TARGET/release/homeport" "$OUT/bin/"
    local plugin
    for plugin in db-sqlite proxy-nginx health; do
        install -m 644 "$TARGET/release/libhomeport_${plugin//-/_}.so" "$OUT/bin/plugins/$plugin.so"
    done
    local static
    for static in bootstrap homeport-agent; do
        if readelf -l "$OUT/bin/$static" | grep -q INTERP; then
            echo "build: $static is not static" >&2
            exit 1
        fi
    done
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
programs
site
echo "build: Homeport $VERSION is in $OUT" >&2
