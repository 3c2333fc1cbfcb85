"""The lock file every change of a container is made under, in Proxmox's place and with its waiting manners."""
import contextlib
import fcntl
import os
import sys
import time

from . import host
from .errors import Die


@contextlib.contextmanager
def guest(vmid, timeout=10):
    """Holds the container's lock file; waits up to `timeout` seconds, then raises Die as Proxmox does (errno EINTR, 4)."""
    os.makedirs(host.LOCKS, exist_ok=True)
    path = f"{host.LOCKS}/pve-config-{vmid}.lock"
    with open(path, "a", encoding="ascii") as file:
        _take(file, path, timeout)
        yield


def _take(file, path, timeout):
    if _free(file):
        return
    print("trying to acquire lock...", file=sys.stderr, flush=True)
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if _free(file):
            print(" OK", file=sys.stderr, flush=True)
            return
        time.sleep(0.1)
    raise Die(f"can't lock file '{path}' - got timeout", 4)


def _free(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
