#!/bin/sh
# Prints install.sh as a release publishes it:  render-install.sh BASE_URL BOOTSTRAP_X86_64 > install.sh
# BASE_URL is where the release will lie; BOOTSTRAP_X86_64 is the program published as bootstrap-x86_64-linux.
set -eu

[ $# -eq 2 ] || { echo "usage: render-install.sh BASE_URL BOOTSTRAP_X86_64" >&2; exit 2; }
case $1 in
    *[!A-Za-z0-9:/._~%-]* | '') echo "render-install.sh: '$1' is not a plain URL" >&2; exit 2 ;;
esac
digest=$(sha256sum <"$2")
sed -e "s|@BASE_URL@|$1|" -e "s|@SHA256_X86_64@|${digest%% *}|" "$(dirname "$0")/install.sh"
