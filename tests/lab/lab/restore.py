"""`pct restore`: a container made from a backup, under a new ID or over a stopped one. Never frees the old disks before the new
one is filled."""
import contextlib
import os
import subprocess

from . import cluster, config, create, destroy, guests, host, image, lifecycle, locks, marks, netstring, newconf, storage, tasks, volumes
from .errors import Die

CONF = "./etc/vzdump/pct.conf"


def restore(values):
    """Configuration and rights come from the archive unless given; the disk goes to the storage that was named."""
    vmid = values["vmid"]
    over = config.cluster_ids().get(vmid) == (host.NODE, "lxc") and values.get("force")
    cluster.check_quorum()
    if not over:
        config.refuse_taken(vmid)
    archive = _checked(values["ostemplate"])
    create.check_store(values)
    if over:
        _take_over(vmid)
    else:
        create.reserve(vmid, "restore")
    tasks.run("vzrestore", vmid, lambda: _work(values, archive, over))


def _checked(archive):
    if not archive.startswith("/") and volumes.parse(archive)[1] != "backup":
        raise Die(f"unable to use volume {archive} - content type needs to be 'backup'")
    return archive


def _take_over(vmid):
    """The existing container keeps its configuration, under lock, until the new one is complete."""
    with create.prefixed(vmid, "restore"), marks.put(vmid, "create") as found:
        if found.now.get("protection"):
            raise Die(f"can't remove CT {vmid} - protection mode enabled")
        if lifecycle.running(vmid):
            raise Die("can't overwrite running container")


def _work(values, archive, over):
    vmid, made = values["vmid"], []
    with create.prefixed(vmid, "restore"), locks.guest(vmid):
        old = config.load(vmid, 255)
        try:
            new = _fill(values, archive, made)
        except BaseException:
            _undo(old, made, over)
            raise
        for volid in destroy.owned(old):
            volumes.free(volid)
        config.save(new)
    if values.get("start"):
        with contextlib.suppress(Die):
            lifecycle.start_now(vmid, report=True)


def _undo(old, made, over):
    for volid in made:
        volumes.free(volid)
    if over:
        old.now.pop("lock", None)
        config.save(old)
    else:
        config.remove(old.vmid)


def _fill(values, archive, made):
    """Makes and fills the new disk and returns the new configuration."""
    vmid, file = values["vmid"], create.archive_file(archive)
    print(f"recovering backed-up configuration from '{archive}'", flush=True)
    kept = config.parse(vmid, _member(file)).now
    disk = kept.pop("rootfs", "")
    given = newconf.stored(values)
    given.pop("rootfs", None)
    name, size, rest = create.wanted_rootfs(values)
    size = size if "rootfs" in values else guests.disk_size(disk)
    unprivileged = bool(values.get("unprivileged", kept.get("unprivileged")))
    volid = volumes.free_name(storage.get(name), vmid)
    volumes.allocate(volid, size)
    made.append(volid)
    image.make_filesystem(volumes.path(volid), image.FIRST_ID if unprivileged else 0)
    print(f"restoring '{archive}' now..", flush=True)
    with image.filled(volumes.path(volid), file, size, unprivileged, host.rootfs(vmid), keep=False):
        print("merging backed-up and given configuration..", flush=True)
        os.unlink(f"{host.rootfs(vmid)}/{CONF}")
    merged = {**_networks(kept, values.get("unique")), **given, "unprivileged": int(unprivileged)}
    merged["rootfs"] = newconf.rootfs_text(volid, rest, size)
    return config.Config(vmid, newconf.completed(vmid, {key: value for key, value in merged.items() if key not in ("lock", "template")}))


def _member(file):
    done = subprocess.run(["tar", "xOf", file, "--occurrence=1", CONF], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Die("error while reading backed-up configuration: no such file in the archive")
    return done.stdout


def _networks(kept, unique):
    return {key: netstring.renewed(value) if unique and key.startswith("net") and key[3:].isdigit() else value
            for key, value in kept.items()}
