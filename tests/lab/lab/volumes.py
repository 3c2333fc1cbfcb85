"""Volumes: their names, the files behind them, making, copying, snapshotting and removing them. Never formats or mounts."""
import contextlib
import glob
import os
import re
import subprocess

from . import config, storage
from .errors import Die
from .layout import Directory, files, of as layout

ARCHIVE = re.compile(r"[^/]+\.(?:tar\.(?:gz|xz|zst|bz2)|tgz|txz)")
BACKUP = re.compile(r"[^/]+\.(?:tar|vma)(?:\.\w+)?")
FORMATS = {"gz": "tgz", "xz": "txz", "zst": "tzst", "bz2": "tbz2", "tar": "tar", "tgz": "tgz", "txz": "txz"}
FILES = {"vztmpl": ("template/cache", ARCHIVE), "iso": ("template/iso", re.compile(r"[^/]+\.(?:iso|img)")), "backup": ("dump", BACKUP)}


def parse(volid):
    """(storage, content, name, vmid or None) of a volume name; raises Die for what its storage does not know."""
    name, _, volume = volid.partition(":")
    store = storage.get(name)
    image = layout(store).pattern.fullmatch(volume)
    if image:
        return store, "images", volume, int(image["vmid"])
    if store.kind == "lvmthin":
        raise Die(f"unable to parse lvm volume name '{volume}'")
    content, _, file = volume.partition("/")
    if content not in FILES or not FILES[content][1].fullmatch(file):
        raise Die(f"unable to parse directory volume name '{volume}'")
    return store, content, file, None


def path(volid):
    """The file behind a volume, whether it exists or not."""
    store, content, name, vmid = parse(volid)
    return layout(store).file(store, name) if vmid is not None else f"{store.path}/{FILES[content][0]}/{name}"


def free_name(store, vmid):
    """The first unused volume name for a container's disk."""
    n = 0
    while os.path.exists(path(f"{store.name}:{layout(store).name(vmid, f'vm-{vmid}-disk-{n}')}")):
        n += 1
    return f"{store.name}:{layout(store).name(vmid, f'vm-{vmid}-disk-{n}')}"


def wanted(store, vmid, filename):
    """The volume a caller of `pvesm alloc` means by a file name."""
    return f"{vmid}/{filename}" if layout(store) is Directory else filename


def allocate(volid, size):
    """Makes an empty sparse image of `size` bytes, saying what the storage's own tool says."""
    file = path(volid)
    os.makedirs(os.path.dirname(file), exist_ok=True)
    print(layout(parse(volid)[0]).made(file, size), flush=True)
    with open(file, "xb") as image:
        image.truncate(size)


def free(volid):
    """Removes a volume, its snapshots included; one that is gone already is only mentioned by a directory, and an error of a
    thin pool."""
    file, kind = path(volid), layout(parse(volid)[0])
    for kept in glob.glob(glob.escape(snapshot_file(volid, "")) + "*"):
        os.unlink(kept)
        print(kind.freed(kept, True), end="", flush=True)
    print(kind.freed(file, os.path.exists(file)), end="", flush=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(file)
    if kind is Directory:
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(file))


def copy(source, target):
    """Copies the bytes of a disk, holes left out."""
    done = subprocess.run(["cp", "--sparse=always", "--reflink=auto", source, target], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Die(f"writing '{target}' failed: {done.stderr.strip()}")


def snapshot_file(volid, name):
    """The file behind a disk's snapshot."""
    directory, disk = os.path.split(path(volid))
    return f"{directory}/snap_{disk}_{name}"


def listed(store, content=None, vmid=None):
    """The volumes of a storage as the API lists them, sorted by name. A disk counts as `rootdir` while its container exists."""
    found = _archives(store, "vztmpl") + _archives(store, "backup") + _images(store)
    if content:
        found = [entry for entry in found if entry["content"] == content]
    if vmid is not None:
        found = [entry for entry in found if entry.get("vmid") == vmid]
    return sorted(found, key=lambda entry: entry["volid"])


def _archives(store, content):
    if content not in store.content:
        return []
    directory, pattern = FILES[content]
    found = []
    for entry in files(f"{store.path}/{directory}"):
        if pattern.fullmatch(entry.name):
            owner = re.match(r"vzdump-lxc-(\d+)-", entry.name)
            kind = FORMATS.get(entry.name.rpartition(".")[2], "tgz")
            found.append({"volid": f"{store.name}:{content}/{entry.name}", "content": content, "size": entry.stat().st_size,
                          "format": kind if content == "vztmpl" else kind.replace("tzst", "tar.zst"),
                          "ctime": int(entry.stat().st_ctime), **({"vmid": int(owner[1])} if owner else {})})
    return found


def _images(store):
    if not {"images", "rootdir"} & set(store.content):
        return []
    owned, found = config.cluster_ids(), []
    for volume, file in layout(store).all(store):
        image, stat = layout(store).pattern.fullmatch(volume), os.stat(file)
        if image:
            vmid = int(image["vmid"])
            kind = "rootdir" if owned.get(vmid, ("", ""))[1] == "lxc" else "images"
            found.append({"volid": f"{store.name}:{volume}", "content": kind, "format": image.groupdict().get("format", "raw"),
                          "size": stat.st_size, "used": stat.st_blocks * 512, "vmid": vmid, "ctime": int(stat.st_ctime)})
    return found
