"""`pveversion`: one line, or the list of packages. Never tells anything about the machine's real packages but its kernel."""
import os
import sys

from . import command, getopt, host
from .errors import BadCall

USAGE = "USAGE: pveversion [--verbose]"


def main(args):
    """Runs one call of `pveversion`."""
    return command.call("pveversion", args, lambda: _answer(args))


def _answer(args):
    try:
        values = getopt.parse(args, [], {"verbose": {"type": "boolean"}})
    except BadCall:
        print(USAGE, file=sys.stderr)
        return 255
    print("\n".join(_packages()) if values.get("verbose") else _line())
    return 0


def _line():
    return f"pve-manager/{host.VERSION}/{host.REPOID} (running kernel: {os.uname().release})"


def _packages():
    yield f"proxmox-ve: {host.RELEASE}.0 (running kernel: {os.uname().release})"
    yield f"pve-manager: {host.VERSION} (running version: {host.VERSION}/{host.REPOID})"
    for name, version in sorted(host.PACKAGES.items()):
        yield f"{name}: {version}"
