"""The control groups a container's monitor leaves behind when it is killed. LXC takes its groups by fixed names, as on a real
node, and refuses to start while they exist."""
import contextlib
import os
import time

TOP = "/sys/fs/cgroup"
PATIENCE_S = 10


def sweep(vmid):
    """Removes what an earlier run left, waiting for processes that are still dying. Never called while the container runs; a
    group that stays is left for LXC to complain of."""
    until = time.monotonic() + PATIENCE_S
    while any([not _removed(directory) for directory in _groups(vmid)]) and time.monotonic() < until:
        time.sleep(0.05)


def _groups(vmid):
    hierarchies = [TOP] + [entry.path for entry in os.scandir(TOP) if entry.is_dir(follow_symlinks=False)]
    for hierarchy in hierarchies:
        for kind in ("lxc", "lxc.monitor"):
            if os.path.isdir(f"{hierarchy}/{kind}/{vmid}"):
                yield f"{hierarchy}/{kind}/{vmid}"


def _removed(directory):
    for path, _, _ in os.walk(directory, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(path)
    return not os.path.exists(directory)
