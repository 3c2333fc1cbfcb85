"""`pveversion`: one line, or the list of packages. Never tells anything about the machine's real packages but its kernel."""
import os
import sys
import time

from . import command, getopt, host
from .errors import BadCall

USAGE = "USAGE: pveversion [--verbose]"


def main(args):
    """Runs one call of `pveversion`."""
    started, rc = time.monotonic(), 0
    command.latency()
    try:
        values = getopt.parse(args, [], {"verbose": {"type": "boolean"}})
        print("\n".join(_packages()) if values.get("verbose") else _line())
    except BadCall:
        print(USAGE, file=sys.stderr)
        rc = 255
    command.log_call("pveversion", args, started, rc)
    return rc


def _line():
    return f"pve-manager/{host.VERSION}/{host.REPOID} (running kernel: {os.uname().release})"


def _packages():
    yield f"proxmox-ve: {host.RELEASE}.0 (running kernel: {os.uname().release})"
    yield f"pve-manager: {host.VERSION} (running version: {host.VERSION}/{host.REPOID})"
    for name, version in sorted(host.PACKAGES.items()):
        yield f"{name}: {version}"
