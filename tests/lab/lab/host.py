"""Where the lab keeps what, and who this node is. Never touches anything."""
import os

ROOT = os.environ.get("LAB_ROOT", "/var/lib/homeport-lab")
CACHE = os.environ.get("LAB_CACHE", "/var/cache/homeport-lab")
ETC = ROOT + "/etc/pve"
TASKS = ROOT + "/var/log/pve/tasks"
RUN = ROOT + "/run"
INDEX = ROOT + "/var/lib/pve-manager/apl-info"
INTERFACES = ROOT + "/etc/network/interfaces"
MIRROR = CACHE + "/mirror"
LXC = "/var/lib/lxc"
LOCKS = "/run/lock/lxc"
NODE = os.uname().nodename.split(".")[0]

# What the profile answers for `pveversion`; the figures of the release whose own code the lab was compared with.
VERSION, RELEASE, REPOID = "8.4.21", "8.4", "2606ac850d46da29"
PACKAGES = {"pve-container": "5.3.5", "libpve-common-perl": "8.3.8", "libpve-storage-perl": "8.3.8"}


def conf_dir(kind="lxc", node=NODE):
    """Directory of the guests' configuration files of one node; `kind` is "lxc" or "qemu-server"."""
    return f"{ETC}/nodes/{node}/{kind}"


def rootfs(vmid):
    """Where a container's file system is mounted, by the host while it is set up and by its own monitor while it runs."""
    return f"{LXC}/{vmid}/rootfs"
