"""What happens between `lxc-start` and the container's init: its disk is mounted and its files are rewritten. Runs in the
mount namespace of the container's monitor, so the mount ends with it."""
import os
import sys

from . import config, guestfiles, host, image, volumes
from .errors import Die


def main(name):
    """Prepares container `name`; a failure keeps it from starting."""
    try:
        found = config.load(int(name))
        root = host.rootfs(found.vmid)
        if not os.path.ismount(root):
            image.mount(volumes.path(found.now["rootfs"].split(",")[0]), root)
        values = {**found.now, "vmid": found.vmid}
        dns = guestfiles.host_dns()
        guestfiles.inside(root, bool(values.get("unprivileged")), lambda: guestfiles.at_start(values, dns))
        return 0
    except (Die, OSError) as error:
        print(error, file=sys.stderr)
        return 255
