"""`pct snapshot`, `listsnapshot`, `rollback`, `delsnapshot`: states of a container's disks and configuration that can be had back.
Only where the storage of the disks can do it. Never keeps what runs in memory."""
import contextlib
import os
import subprocess
import time

from . import attach, config, lifecycle, marks, tasks, volumes
from .errors import Die

# What a snapshot does not keep of the configuration, and a rollback leaves as it is.
NOT_KEPT = ("lock", "digest", "description", "snaptime")
TREE_WIDTH, TIME_WIDTH = 28, 24


def take(values):
    """`pct snapshot`."""
    vmid, name = values["vmid"], values["snapname"]
    config.load(vmid)
    if name in ("current", "vzdump"):
        raise Die(f"unable to use snapshot name '{name}' (reserved name)")
    tasks.run("vzsnapshot", vmid, lambda: _take_now(vmid, name, values.get("description")))


def _take_now(vmid, name, description):
    with marks.put(vmid, "snapshot") as found:
        if name in found.snapshots:
            raise Die(f"snapshot name '{name}' already used")
        disk = disk_of(found)
        if not volumes.layout(volumes.parse(disk)[0]).snapshots:
            raise Die("snapshot feature is not available")
        kept = {key: value for key, value in found.now.items() if key not in NOT_KEPT}
        found.snapshots[name] = {**kept, "snaptime": int(time.time()), **({"description": description} if description else {})}
    with frozen(vmid):
        file = volumes.snapshot_file(disk, name)
        volumes.copy(volumes.path(disk), file)
        print(f'  Logical volume "{os.path.basename(file)}" created.', flush=True)
    marks.lift(vmid, lambda found: found.now.update(parent=name))


def disk_of(found):
    """The volume of a container's root."""
    return found.now["rootfs"].split(",")[0]


@contextlib.contextmanager
def frozen(vmid):
    """Nothing in the container runs, and its disk holds all it has written; nothing happens to one that is stopped."""
    if not lifecycle.running(vmid):
        yield
        return
    subprocess.run(["lxc-freeze", "-n", str(vmid)], stdin=subprocess.DEVNULL, check=True)
    try:
        subprocess.run(["sync", "-f", f"/proc/{attach.init_pid(vmid)}/root"], stdin=subprocess.DEVNULL, check=True)
        yield
    finally:
        subprocess.run(["lxc-unfreeze", "-n", str(vmid)], stdin=subprocess.DEVNULL, check=True)


def rollback(values):
    """`pct rollback`: a running container is stopped, and stays so unless asked otherwise."""
    vmid, name = values["vmid"], values["snapname"]
    config.load(vmid)

    def work():
        _rollback_now(vmid, name)
        if values.get("start"):
            lifecycle.start_now(vmid)
    tasks.run("vzrollback", vmid, work)


def _rollback_now(vmid, name):
    with marks.put(vmid, "rollback") as found:
        kept = _kept(found, name)
        if lifecycle.running(vmid):
            lifecycle.kill(vmid)
    disk = kept["rootfs"].split(",")[0]
    os.unlink(volumes.path(disk))
    print(f'  Logical volume "{os.path.basename(volumes.path(disk))}" successfully removed.', flush=True)
    volumes.copy(volumes.snapshot_file(disk, name), volumes.path(disk))
    print(f'  Logical volume "{os.path.basename(volumes.path(disk))}" created.', flush=True)

    def restore(found):
        notes = {key: value for key, value in found.now.items() if key == "description"}
        found.now = {**{key: value for key, value in kept.items() if key not in NOT_KEPT}, **notes, "parent": name}
        found.pending = {}
    marks.lift(vmid, restore)


def _kept(found, name):
    if name not in found.snapshots:
        raise Die(f"snapshot '{name}' does not exist")
    return found.snapshots[name]


def delete(values):
    """`pct delsnapshot`."""
    vmid, name = values["vmid"], values["snapname"]
    config.load(vmid)
    tasks.run("vzdelsnapshot", vmid, lambda: _delete_now(vmid, name))


def _delete_now(vmid, name):
    with marks.put(vmid, "snapshot-delete") as found:
        disk = _kept(found, name)["rootfs"].split(",")[0]
    file = volumes.snapshot_file(disk, name)
    os.unlink(file)
    print(f'  Logical volume "{os.path.basename(file)}" successfully removed.', flush=True)

    def forget(found):
        parent = found.snapshots.pop(name).get("parent")
        for heir in (found.now, *found.snapshots.values()):
            if heir.get("parent") == name:
                heir.pop("parent")
                heir.update({"parent": parent} if parent else {})
    marks.lift(vmid, forget)


def listing(values):
    """`pct listsnapshot`: the line of descent, indented by one blank per generation."""
    found = config.load(values["vmid"])
    _branch(found, None, 0)


def _branch(found, parent, depth):
    """Everything that came of one snapshot, oldest first; the present state comes last."""
    for name, kept in sorted(found.snapshots.items(), key=lambda entry: int(entry[1]["snaptime"])):
        if kept.get("parent") == parent:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(int(kept["snaptime"])))
            _line(depth, name, when, kept.get("description", "no-description").split("\n")[0])
            _branch(found, name, depth + 1)
    if found.now.get("parent") == parent:
        _line(depth, "current", "", "You are here!")


def _line(depth, name, when, text):
    print(f"{' ' * depth}`-> {name:<{TREE_WIDTH - depth}}{when:<{TIME_WIDTH}}{text}")
