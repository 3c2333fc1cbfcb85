"""`pct clone` and `pct migrate`: the ways a container gets a twin, or another node. Never changes the source of a clone."""
import os
import re
import time

from . import cluster, config, firstboot, guestfiles, host, image, lifecycle, locks, marks, netstring, storage, tasks, volumes
from .errors import BadParameters, Die


def clone(values):
    """`pct clone`: everything is copied; the twin gets new hardware addresses and forgets its machine-id."""
    vmid, new = values["vmid"], values["newid"]
    source = config.load(vmid)
    cluster.check_quorum()
    config.refuse_taken(new)
    kept = _source_values(source, values.get("snapname"))
    if not values.get("full", not source.now.get("template")):
        raise Die(f"Linked clone feature for '{kept['rootfs'].split(',')[0]}' is not available")
    if lifecycle.running(vmid) and not values.get("snapname"):
        raise Die("Full clone of a running container is only possible from a snapshot")
    store = storage.usable(values.get("storage") or kept["rootfs"].partition(":")[0])
    if "rootdir" not in store.content:
        raise BadParameters({"storage": f"storage '{store.name}' does not support container directories"})
    with marks.put(vmid, "disk"):
        pass
    config.save(config.Config(new, {"lock": "create"}))
    tasks.run("vzclone", vmid, lambda: _clone_now(values, kept, store))


def _source_values(source, snapname):
    if snapname and snapname not in source.snapshots:
        raise Die(f"snapshot '{snapname}' does not exist")
    return source.snapshots[snapname] if snapname else source.now


def _clone_now(values, kept, store):
    vmid, new = values["vmid"], values["newid"]
    print(f"creating a clone of container {vmid} with ID {new}", flush=True)
    target = volumes.free_name(store, new)
    try:
        _copy_disk(kept["rootfs"].split(",")[0], target, values.get("snapname"))
        twin = config.Config(new, _twin_values(values, kept, target))
        _new_identity(twin, volumes.path(target))
        config.save(twin)
    except BaseException as error:
        volumes.free(target)
        config.remove(new)
        raise Die(f"clone failed: {error}") from None
    finally:
        marks.lift(vmid)


def _copy_disk(source, target, snapname):
    print(f"create full clone of mountpoint rootfs ({source})", flush=True)
    volumes.allocate(target, os.stat(volumes.path(source)).st_size)
    volumes.copy(volumes.snapshot_file(source, snapname) if snapname else volumes.path(source), volumes.path(target))
    image.renew(volumes.path(target))


def _twin_values(values, kept, target):
    own = {key: value for key, value in kept.items() if key not in ("lock", "parent", "snaptime", "template")}
    for key, value in own.items():
        if re.fullmatch(r"net\d+", key):
            own[key] = netstring.renewed(value)
    own["rootfs"] = ",".join([target, *own["rootfs"].split(",")[1:]])
    own.update({key: values[key] for key in ("hostname", "description") if key in values})
    return own


def _new_identity(twin, disk):
    """What Proxmox changes inside a clone: no machine-id, the next start makes one; the name is written by that start."""
    root = host.rootfs(twin.vmid)
    with image.mounted(disk, root):
        guestfiles.inside(root, bool(twin.now.get("unprivileged")), firstboot.forget_machine_id)


def migrate(values):
    """`pct migrate`: the configuration moves to the other node's directory. The disks stay where they are, as all of the lab's
    nodes are one machine; on a real cluster they are copied, or shared."""
    vmid, target = values["vmid"], values["target"]
    config.load(vmid)
    if target == host.NODE:
        raise BadParameters({"target": "target is local node."})
    if not os.path.isdir(host.conf_dir(node=target)):
        raise Die(f"no such cluster node '{target}'")
    if lifecycle.running(vmid) and not values.get("restart"):
        raise Die("lxc live migration is currently not implemented" if values.get("online") else
                  "can't migrate running container without --online or --restart")
    tasks.run("vzmigrate", vmid, lambda: _migrate_now(vmid, target))


def _migrate_now(vmid, target):
    with locks.guest(vmid):
        config.load(vmid, 255).check_lock()
        if lifecycle.running(vmid):
            lifecycle.kill(vmid)
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        print(f"{now} starting migration of CT {vmid} to node '{target}'", flush=True)
        os.rename(config.path(vmid), config.path(vmid, target))
        config.publish_ids()
        print(f"{now} migration finished successfully (duration 00:00:00)", flush=True)
