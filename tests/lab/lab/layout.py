"""How a kind of storage names and keeps the disks of its guests, and what its own tools say of them. Never makes or removes one."""
import contextlib
import os
import re

from .errors import Die


class Directory:
    """Disks of a directory: files named ID/NAME.raw; no snapshots of them."""

    snapshots = False
    pattern = re.compile(r"(?P<vmid>\d+)/[^/]+\.(?P<format>raw|qcow2|vmdk|subvol)")

    @staticmethod
    def name(vmid, disk):
        """What follows the storage's name."""
        return f"{vmid}/{disk}.raw"

    @staticmethod
    def file(store, volume):
        """The file behind a volume."""
        return f"{store.path}/images/{volume}"

    @staticmethod
    def made(file, size):
        """What is said about a new disk."""
        return f"Formatting '{file}', fmt=raw size={size} preallocation=off"

    @staticmethod
    def freed(file, existed):
        """What is said about a removed disk."""
        return "" if existed else f"disk image '{file}' does not exist\n"

    @staticmethod
    def all(store):
        """Every disk, as (volume, file)."""
        for directory in files(f"{store.path}/images"):
            for entry in files(directory.path) if directory.name.isdigit() else ():
                yield f"{directory.name}/{entry.name}", entry.path


class Thin:
    """Disks of a thin pool: logical volumes, which can be snapshotted."""

    snapshots = True
    pattern = re.compile(r"(?:vm|base)-(?P<vmid>\d+)-[^/\s]+")

    @staticmethod
    def name(_vmid, disk):
        """What follows the storage's name."""
        return disk

    @staticmethod
    def file(store, volume):
        """The file that stands in for the logical volume."""
        return f"{store.path}/{volume}"

    @staticmethod
    def made(file, _size):
        """What is said about a new disk."""
        return f'  Logical volume "{os.path.basename(file)}" created.'

    @staticmethod
    def freed(file, existed):
        """What is said about a removed disk."""
        name = os.path.basename(file)
        if not existed:
            raise Die(f"lvremove '{name}' error:   Failed to find logical volume \"{name}\"")
        return f'  Logical volume "{name}" successfully removed.\n'

    @staticmethod
    def all(store):
        """Every disk, as (volume, file)."""
        return [(entry.name, entry.path) for entry in files(store.path) if not entry.name.startswith("snap_")]


def of(store):
    """How a storage keeps its disks."""
    return Thin if store.kind == "lvmthin" else Directory


def files(directory):
    """What a directory holds; nothing when it is not there."""
    with contextlib.suppress(FileNotFoundError):
        yield from os.scandir(directory)
