"""Where the lab keeps what, how its knobs stand, and who this node is. Never changes anything."""
import os
import re

KNOBS = os.environ.get("LAB_KNOBS", "/run/homeport-lab.conf")


def _knobs():
    """The lines `NAME=value` of the file that stands in for the environment where a caller clears that."""
    try:
        with open(KNOBS, encoding="utf-8") as file:
            return dict(re.findall(r"^(LAB_\w+)=(.*)$", file.read(), re.M))
    except FileNotFoundError:
        return {}


_FROM_FILE = _knobs()


def knob(name, default=""):
    """One of the lab's settings: from the environment, else from the file."""
    return os.environ.get(name) or _FROM_FILE.get(name) or default


ROOT = knob("LAB_ROOT", "/var/lib/homeport-lab")
CACHE = knob("LAB_CACHE", "/var/cache/homeport-lab")
ETC = ROOT + "/etc/pve"
TASKS = ROOT + "/var/log/pve/tasks"
RUN = ROOT + "/run"
INDEX = ROOT + "/var/lib/pve-manager/apl-info"
INTERFACES = ROOT + "/etc/network/interfaces"
MIRROR = CACHE + "/mirror"
LXC = "/var/lib/lxc"
LOCKS = "/run/lock/lxc"
NODE = os.uname().nodename.split(".")[0]

# What each release answers for `pveversion`: version, release, repository id, packages. That of 8 is the one whose own code the
# lab was compared with; 7 and 9 differ from it where the code asks for MAJOR.
RELEASES = {
    "7": ("7.4-20", "7.4", "d6cd9b3f", {"pve-container": "4.4-7", "libpve-common-perl": "7.4-2", "libpve-storage-perl": "7.4-3"}),
    "8": ("8.4.21", "8.4", "2606ac850d46da29", {"pve-container": "5.3.5", "libpve-common-perl": "8.3.8", "libpve-storage-perl": "8.3.8"}),
    "9": ("9.2.11", "9.2", "5ac30304265fbd8e", {"pve-container": "6.1.10", "libpve-common-perl": "9.2.1", "libpve-storage-perl": "9.1.7"}),
}
MAJOR = int(knob("LAB_PVE", "8"))
VERSION, RELEASE, REPOID, PACKAGES = RELEASES[str(MAJOR)]
PACKAGES["pve-container"] = knob("LAB_PVE_CONTAINER", PACKAGES["pve-container"])


def conf_dir(kind="lxc", node=NODE):
    """Directory of the guests' configuration files of one node; `kind` is "lxc" or "qemu-server"."""
    return f"{ETC}/nodes/{node}/{kind}"


def rootfs(vmid):
    """Where a container's file system is mounted, by the host while it is set up and by its own monitor while it runs."""
    return f"{LXC}/{vmid}/rootfs"
