"""Storages and their volumes, as far as directories go: storage.cfg, names, paths, room. Never formats or mounts."""
import contextlib
import os
import re

from . import config, host
from .errors import Die
from .formats import split_list

ARCHIVE = re.compile(r"[^/]+\.(?:tar\.(?:gz|xz|zst|bz2)|tgz|txz)")
TEMPLATE_FORMAT = {"gz": "tgz", "xz": "txz", "zst": "tzst", "bz2": "tbz2"}
IMAGE = re.compile(r"(\d+)/([^/]+\.(raw|qcow2|vmdk|subvol))")


class Storage:
    """One block of storage.cfg."""

    def __init__(self, name, kind, keys):
        self.name, self.kind, self.keys = name, kind, keys
        self.path = keys.get("path", "")
        self.content = split_list(keys.get("content", "images,rootdir"))

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
        if self.keys.get("is_mountpoint", "0") not in ("0", "no") and not os.path.ismount(self.path):
            raise Die(f"unable to activate storage '{self.name}' - directory is expected to be a mount point but is not "
                      f"mounted: '{self.path}'")
        if not os.path.isdir(self.path):
            raise Die(f"unable to activate storage '{self.name}' - directory '{self.path}' does not exist or is unreachable")
        for kind, directory in (("vztmpl", "template/cache"), ("images", "images"), ("rootdir", "images")):
            if kind in self.content:
                os.makedirs(f"{self.path}/{directory}", exist_ok=True)

    def room(self):
        """(total, used, available) in bytes."""
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


def parse(volid):
    """(storage, content, name, vmid or None) of a volume name; raises Die for what a directory storage does not know."""
    name, _, volume = volid.partition(":")
    store = get(name)
    image = IMAGE.fullmatch(volume)
    if image:
        return store, "images", image[2], int(image[1])
    content, _, file = volume.partition("/")
    known = {"vztmpl": ARCHIVE, "iso": re.compile(r"[^/]+\.(?:iso|img)"), "backup": re.compile(r"[^/]+\.(?:tar|vma)(?:\.\w+)?")}
    if content not in known or not known[content].fullmatch(file):
        raise Die(f"unable to parse directory volume name '{volume}'")
    return store, content, file, None


def path(volid):
    """The file behind a volume, whether it exists or not."""
    store, content, name, vmid = parse(volid)
    if vmid is not None:
        return f"{store.path}/images/{vmid}/{name}"
    directory = {"vztmpl": "template/cache", "iso": "template/iso", "backup": "dump"}[content]
    return f"{store.path}/{directory}/{name}"


def free_name(store, vmid):
    """The first unused volume name for a container's disk."""
    n = 0
    while os.path.exists(f"{store.path}/images/{vmid}/vm-{vmid}-disk-{n}.raw"):
        n += 1
    return f"{store.name}:{vmid}/vm-{vmid}-disk-{n}.raw"


def allocate(volid, size):
    """Makes an empty sparse image of `size` bytes, saying what `qemu-img` says."""
    file = path(volid)
    os.makedirs(os.path.dirname(file), exist_ok=True)
    print(f"Formatting '{file}', fmt=raw size={size} preallocation=off", flush=True)
    with open(file, "xb") as image:
        image.truncate(size)


def free(volid):
    """Removes a volume; one that is gone already is only mentioned."""
    file = path(volid)
    if not os.path.exists(file):
        print(f"disk image '{file}' does not exist", flush=True)
        return
    os.unlink(file)
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(file))


def volumes(store, content=None, vmid=None):
    """The volumes of a storage as the API lists them, sorted by name. A disk counts as `rootdir` while its container exists."""
    found = _templates(store) + _images(store)
    if content:
        found = [entry for entry in found if entry["content"] == content]
    if vmid is not None:
        found = [entry for entry in found if entry.get("vmid") == vmid]
    return sorted(found, key=lambda entry: entry["volid"])


def _files(directory):
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(directory):
            yield entry


def _templates(store):
    if "vztmpl" not in store.content:
        return []
    return [{"volid": f"{store.name}:vztmpl/{entry.name}", "content": "vztmpl", "size": entry.stat().st_size,
             "format": TEMPLATE_FORMAT.get(entry.name.rpartition(".")[2], "tgz"), "ctime": int(entry.stat().st_ctime)}
            for entry in _files(f"{store.path}/template/cache") if ARCHIVE.fullmatch(entry.name)]


def _images(store):
    if not {"images", "rootdir"} & set(store.content):
        return []
    owned = config.cluster_ids()
    found = []
    for directory in _files(f"{store.path}/images"):
        for entry in _files(directory.path) if directory.name.isdigit() else ():
            vmid, stat = int(directory.name), entry.stat()
            kind = "rootdir" if owned.get(vmid, ("", ""))[1] == "lxc" else "images"
            found.append({"volid": f"{store.name}:{vmid}/{entry.name}", "content": kind, "format": entry.name.rpartition(".")[2],
                          "size": stat.st_size, "used": stat.st_blocks * 512, "vmid": vmid, "ctime": int(stat.st_ctime)})
    return found
