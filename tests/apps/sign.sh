#!/bin/bash
# Signs a release of the stand-in app as its publisher would, with a key of the tests' own:
#   tests/apps/sign.sh ARCHIVE HOME
# HOME is the key's GnuPG directory; a key is made there if there is none. Writes ARCHIVE.sig and HOME/key.asc, and prints the
# key's fingerprint.
set -euo pipefail

archive=$1 home=$2
stock() { gpg --quiet --batch --yes --homedir "$home" "$@"; }

if [[ ! -d $home ]]; then
  mkdir -m 700 "$home"
  stock --passphrase '' --quick-gen-key 'Stand-in <standin@homeport.test>' ed25519 sign never 2>/dev/null
fi
stock --detach-sign --output "$archive.sig" "$archive"
stock --armor --export --output "$home/key.asc"
stock --list-keys --with-colons 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }'
# The program it starts for this key alone would outlive it.
gpgconf --homedir "$home" --kill all
