#!/bin/sh
# Fetches Homeport's bootstrap for this machine, checks its sha256, and becomes it, arguments and all:
#
#     bash <(curl -fsSL URL/install.sh) [arguments of bootstrap]
#
# HOMEPORT_BASE_URL names another server. Installs nothing itself. render-install.sh fills in the two @...@ tokens.

fail() { # exit code, what failed, why, what to do
    printf 'Error: %s\n  Why:   %s\n  State: nothing was started or installed.\n  To do: %s\n' "$2" "$3" "$4" >&2
    exit "$1"
}

# Prints a new private directory that lets programs start.
make_place() {
    for root in "${TMPDIR:-/tmp}" /var/tmp /dev/shm /run /root; do
        made=$(mktemp -d "$root/homeport-install-XXXXXXXX" 2>/dev/null) || continue
        if printf '#!/bin/sh\n' >"$made/bootstrap" && chmod 700 "$made/bootstrap" && "$made/bootstrap"; then
            printf '%s\n' "$made"
            return
        fi 2>/dev/null
        rm -rf "$made"
    done
    return 1
}

main() {
    set -eu
    base=${HOMEPORT_BASE_URL:-@BASE_URL@}
    case $base in
        @*) fail 2 "It is not known where releases lie." "this install.sh was published without an address." "set HOMEPORT_BASE_URL." ;;
    esac
    for tool in curl sha256sum mktemp uname; do
        command -v "$tool" >/dev/null ||
            fail 4 "Homeport cannot be fetched." "the program \`$tool\` is missing." "install it, for example with \`apt-get install curl coreutils\`."
    done
    case $(uname -s)-$(uname -m) in
        Linux-x86_64) file=bootstrap-x86_64-linux sha256=@SHA256_X86_64@ ;;
        *) fail 4 "Homeport does not run here." "there is no bootstrap for $(uname -s) on $(uname -m)." "use an x86_64 Linux machine." ;;
    esac

    place=$(make_place) ||
        fail 4 "There is no place to put the bootstrap." "no temporary directory can be written and lets programs start." "set TMPDIR to one that is not mounted noexec."
    trap 'rm -rf "$place"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    curl -fsSL --proto =https,http --retry 3 --connect-timeout 30 --speed-limit 1 --speed-time 30 -o "$place/bootstrap" "${base%/}/$file" ||
        fail 8 "The download failed." "\`${base%/}/$file\` could not be fetched." "check the address, the network, and HTTPS_PROXY; then try again."
    echo "$sha256  $place/bootstrap" | sha256sum -c --status - 2>/dev/null ||
        fail 13 "The bootstrap is not accepted." "its sha256 is not $sha256." "fetch install.sh again; if it stays so, tell whoever publishes it."

    # Becomes the bootstrap through an open file: nothing is left to clean up, and every signal reaches the right process.
    exec 3<"$place/bootstrap"
    rm -rf "$place"
    trap - EXIT HUP INT TERM
    export HOMEPORT_BASE_URL="$base"
    exec /proc/self/fd/3 "$@"
}

# In braces, so that a download cut even within this line runs nothing.
{ main "$@"; }
