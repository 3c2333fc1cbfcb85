#!/bin/bash
# From nothing to an app that answers, on a plain Debian 12 machine with git and rustup's stable Rust; run as root.
#
# Sets up a test host with real containers, builds and signs a bundle, serves it on loopback and runs the very
# one-liner a user would run against it. A second run starts over with a fresh instance of the same name.
#   DEMO_PORT  port of the loopback server (default 8480)
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(dirname "$HERE")
DIST=$ROOT/target/dist
PORT=${DEMO_PORT:-8480}
BASE=http://127.0.0.1:$PORT
APP=2.5.0
NAME=demo
DOMAIN=demo.homeport.test
NET=${LAB_NET:-10.78.0}
CERT=$DIST/demo.pem

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

say "What is needed: packages, toolchain"
bash "$HERE/setup.sh"

say "A host with containers"
bash "$HERE/lab/up.sh"

say "A signed release of Homeport, and one of the app"
bash "$HERE/build.sh" "$DIST"
bash "$HERE/apps/build.sh" "v$APP" "$DIST/apps" >/dev/null

say "A server on loopback"
rm -rf "$DIST/www"
mkdir "$DIST/www"
cp -r "$DIST/site/." "$DIST/www/"
cp -r "$DIST/apps" "$DIST/www/apps"
python3 -m http.server "$PORT" --bind 127.0.0.1 --directory "$DIST/www" >"$DIST/www.log" 2>&1 &
SERVER=$!
trap 'kill "$SERVER" 2>/dev/null || true' EXIT
for _ in $(seq 50); do
    curl -fsS -o /dev/null "$BASE/install.sh" 2>/dev/null && break
    sleep 0.1
done

if homeport list --json 2>/dev/null | jq -e --arg name "$NAME" 'any(.instances[]; .instance == $name)' >/dev/null; then
    say "The instance of an earlier run goes first"
    homeport uninstall "$NAME" --yes
fi

say "The one-liner"
begun=$(date +%s)
HOMEPORT_BASE_URL=$BASE bash <(curl -fsSL "$BASE/install.sh") install --yes \
    --instance-id "$NAME" --domain "$DOMAIN" --ip-address "$NET.50/24" --gateway "$NET.1" \
    --admin-email admin@homeport.test --registration open --source-url "$BASE/apps/v$APP" \
    --source-sha256 "$(cut -d' ' -f1 "$DIST/apps/v$APP/vikunja-v$APP-linux-amd64-full.zip.sha256")"
echo "installed in $(($(date +%s) - begun)) s"

say "The app, through nginx over TLS"
ID=$(homeport list --json | jq -r --arg name "$NAME" '.instances[] | select(.instance == $name) | .guest')
openssl s_client -connect "$NET.50:443" </dev/null 2>/dev/null | openssl x509 >"$CERT"
curl -fsS --cacert "$CERT" --resolve "$DOMAIN:443:$NET.50" "https://$DOMAIN/api/v1/info"
echo
homeport status "$NAME"

say "Look at it"
cat <<EOF
  homeport status $NAME                                 how it is
  curl --cacert $CERT --resolve $DOMAIN:443:$NET.50 https://$DOMAIN/
  pct enter $ID                                         a shell inside
Remove it again:
  homeport uninstall $NAME --yes                        the instance
  bash tests/lab/down.sh                                the test host
EOF
