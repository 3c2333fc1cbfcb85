"""`pct destroy`: a container's disks and configuration, once nothing protects them. Never frees a disk that is another guest's."""
import os
import re
import shutil
import sys

from . import config, fault, host, lifecycle, locks, tasks, volumes
from .errors import Die


def destroy(values):
    """`pct destroy`."""
    vmid = values["vmid"]
    found = config.load(vmid)
    _check_destroy(found, values.get("force"))
    tasks.run("vzdestroy", vmid, lambda: _destroy_now(vmid, values))


def _check_destroy(found, force):
    if found.now.get("protection"):
        raise Die(f"can't remove CT {found.vmid} - protection mode enabled")
    found.check_lock()
    if lifecycle.running(found.vmid) and not force:
        raise Die(f"unable to destroy CT {found.vmid} - container is running")


def _destroy_now(vmid, values):
    with locks.guest(vmid):
        found = config.load(vmid, 255)
        _check_destroy(found, values.get("force"))
        if lifecycle.running(vmid):
            print(f"forced to stop CT {vmid} before destroying!", flush=True)
            lifecycle.kill(vmid)
        for volid in owned(found):
            volumes.free(volid)
        config.save(config.Config(vmid, {"lock": "destroyed"}))
        fault.midway()
        if values.get("purge"):
            print(f"purging CT {vmid} from related configurations..", flush=True)
        _forget(vmid)


def owned(found):
    """The volumes that belong to the container; none is known of one whose create was killed, so its disk stays."""
    for key, value in found.now.items():
        if re.fullmatch(r"rootfs|mp\d+|unused\d+", key) and ":" in value.split(",")[0]:
            volid = value.split(",")[0]
            if volumes.parse(volid)[3] == found.vmid:
                yield volid


def _forget(vmid):
    directory = f"{host.LXC}/{vmid}"
    if os.path.ismount(f"{directory}/rootfs"):
        print(f"'{directory}/rootfs' is still mounted", file=sys.stderr, flush=True)
    else:
        shutil.rmtree(directory, ignore_errors=True)
    config.remove(vmid)
