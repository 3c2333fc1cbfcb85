"""Storages: storage.cfg, who may use which, what they can hold, how much room they have. Directories are what they are; an NFS
share is a directory that has to be mounted, a thin pool a directory of disk images. Never touches a volume."""
import contextlib
import os
import re

from . import host
from .errors import Die
from .formats import split_list

KINDS = ("dir", "lvmthin", "nfs")
# Storages whose file system does not say how large it is, as some network and FUSE file systems do not.
SILENT = split_list(host.knob("LAB_NO_ROOM"))


class Storage:
    """One block of storage.cfg."""

    def __init__(self, name, kind, keys):
        self.name, self.kind, self.keys = name, kind, keys
        self.path = self._place()
        self.content = split_list(keys.get("content", "images,rootdir"))

    def _place(self):
        """The directory that holds everything; what is not a directory on a real node has one of the lab's own."""
        own = {"nfs": f"{host.ROOT}/mnt/pve/{self.name}",
               "lvmthin": f"{host.ROOT}/thin/{self.keys.get('vgname')}/{self.keys.get('thinpool')}"}
        return own.get(self.kind) or self.keys.get("path", "")

    def enabled(self):
        """Whether this node may use it."""
        nodes = split_list(self.keys.get("nodes", host.NODE))
        return not self.keys.get("disable") and host.NODE in nodes

    def check_enabled(self):
        """Raises Die if this node may not use it."""
        if self.keys.get("disable"):
            raise Die(f"storage '{self.name}' is disabled")
        if not self.enabled():
            raise Die(f"storage '{self.name}' is not available on node '{host.NODE}'")

    def activate(self):
        """Raises Die if the storage cannot be used now; makes the directories it needs."""
        refusal = {"dir": self._no_directory, "nfs": self._no_share, "lvmthin": self._no_pool}[self.kind]()
        if refusal:
            raise Die(refusal)
        for kind, directory in (("vztmpl", "template/cache"), ("backup", "dump"), ("images", "images"), ("rootdir", "images")):
            if kind in self.content and self.kind != "lvmthin":
                os.makedirs(f"{self.path}/{directory}", exist_ok=True)

    def _no_directory(self):
        failed = f"unable to activate storage '{self.name}' - directory"
        if self.keys.get("is_mountpoint", "0") not in ("0", "no") and not os.path.ismount(self.path):
            return f"{failed} is expected to be a mount point but is not mounted: '{self.path}'"
        return None if os.path.isdir(self.path) else f"{failed} '{self.path}' does not exist or is unreachable"

    def _no_share(self):
        return None if os.path.ismount(self.path) else f"storage '{self.name}' is not online"

    def _no_pool(self):
        return None if os.path.isdir(self.path) else f"no such logical volume {self.keys.get('vgname')}/{self.keys.get('thinpool')}"

    def room(self):
        """(total, used, available) in bytes; all 0 where the file system does not say."""
        if self.name in SILENT:
            return 0, 0, 0
        found = os.statvfs(self.path)
        size = found.f_frsize
        return found.f_blocks * size, (found.f_blocks - found.f_bfree) * size, found.f_bavail * size


def load():
    """All storages by name; `local` exists even when the file does not name it."""
    found = {}
    with contextlib.suppress(FileNotFoundError), open(f"{host.ETC}/storage.cfg", encoding="utf-8") as file:
        for block in re.split(r"\n(?=\S)", file.read()):
            header = re.match(r"([a-z]+): (\S+)", block)
            if header:
                keys = dict(re.findall(r"^[ \t]+(\S+)[ \t]*(.*)$", block, re.M))
                found[header[2]] = Storage(header[2], header[1], keys)
    implicit = {"path": f"{host.ROOT}/var/lib/vz", "content": "backup,images,iso,rootdir,snippets,vztmpl"}
    found.setdefault("local", Storage("local", "dir", implicit))
    return found


def save(storages):
    """Writes storage.cfg."""
    blocks = []
    for store in storages.values():
        lines = "".join(f"\t{key} {value}\n" for key, value in store.keys.items())
        blocks.append(f"{store.kind}: {store.name}\n{lines}")
    with open(f"{host.ETC}/storage.cfg.tmp", "w", encoding="utf-8") as file:
        file.write("\n".join(blocks))
    os.rename(file.name, f"{host.ETC}/storage.cfg")


def get(name):
    """One storage; raises Die if it is not configured."""
    try:
        return load()[name]
    except KeyError:
        raise Die(f"storage '{name}' does not exist") from None


def usable(name):
    """One storage that this node may use and that works now."""
    store = get(name)
    store.check_enabled()
    store.activate()
    return store
