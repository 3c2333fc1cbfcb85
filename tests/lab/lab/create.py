"""`pct create`: reserve the ID, allocate, unpack, set up, write the configuration. Never leaves anything behind when it
fails; only when it is killed."""
import contextlib
import os
import re
import shutil

from . import (cluster, config, distro, fault, firstboot, guestfiles, host, image, lifecycle, locks, netstring, newconf, options,
               schema, storage, tasks, volumes)
from .errors import BadParameters, Die

NEW_VOLUME = re.compile(r"([^:\s]+):(\d+(?:\.\d+)?)")


def create(values):
    """Checks everything that can be checked before the task, then runs it. The start of `--start` cannot fail the call."""
    vmid = values["vmid"]
    secrets = {"password": values.get("password"), "keys": _key_file(values.get("ssh-public-keys"))}
    _check(values)
    cluster.check_quorum()
    config.refuse_taken(vmid)
    if values.get("pool"):
        raise Die(f"403 Permission check failed (pool '{values['pool']}' does not exist)", 2)
    firstboot.check_keys(secrets["keys"] or "")
    archive = _archive_check(values["ostemplate"])
    check_store(values)
    for _, net in netstring.nets(values):
        if "mtu" in net:
            netstring.check_bridge(net)
    reserve(vmid)
    tasks.run("vzcreate", vmid, lambda: _work(values, secrets, archive))


def _check(values):
    if any(re.fullmatch(r"mp\d+", key) for key in values) and "rootfs" not in values:
        raise Die("mount points configured, but 'rootfs' not set - aborting")


def _key_file(path):
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise Die(f"can't open '{path}' - {error.strerror}", 2) from None


def _archive_check(ostemplate):
    """Refuses what is not the name of a template; whether the file exists is only found out in the task."""
    if ostemplate.startswith("/"):
        return ostemplate
    _, content, _, _ = volumes.parse(ostemplate)
    if content != "vztmpl":
        raise Die(f"unable to use volume {ostemplate} - content type needs to be 'vztmpl'")
    storage.get(ostemplate.partition(":")[0]).check_enabled()
    return ostemplate


def wanted_rootfs(values):
    """(storage name, size in bytes, rest of the property string), or (None, None, volume) for a volume that should exist."""
    given = schema.properties(values["rootfs"], options.ROOTFS) if "rootfs" in values else {"volume": "4"}
    volume = given.pop("volume")
    if re.fullmatch(r"\d+(\.\d+)?", volume):
        volume = f"{values.get('storage', 'local')}:{volume}"
    new = NEW_VOLUME.fullmatch(volume)
    if not new:
        return None, None, volume
    given.pop("size", None)
    return new[1], int(float(new[2]) * (1 << 30)), given


def check_store(values):
    """Refuses a storage that cannot hold a container's disk."""
    name, _, volume = wanted_rootfs(values)
    store = storage.usable(name or volume.partition(":")[0])
    if "rootdir" not in store.content:
        raise BadParameters({"storage": f"storage '{store.name}' does not support container directories"})


def reserve(vmid, verb="create"):
    """Takes the ID: a file with nothing but the lock, which is all that is left if the create is killed."""
    with prefixed(vmid, verb), locks.guest(vmid, 5):
        config.refuse_taken(vmid)
        config.save(config.Config(vmid, {"lock": "create"}))


@contextlib.contextmanager
def prefixed(vmid, verb="create"):
    """Puts what was tried before every error of a block."""
    try:
        yield
    except Die as error:
        raise Die(f"unable to {verb} CT {vmid} - {error}", error.rc) from None


def _work(values, secrets, archive):
    vmid = values["vmid"]
    with prefixed(vmid), locks.guest(vmid):
        new = config.Config(vmid, newconf.completed(vmid, newconf.stored(values)))
        made = []
        try:
            _make(new, values, secrets, archive, made)
        except BaseException:
            _undo(vmid, made)
            raise
        config.save(new)
    if values.get("start"):
        with contextlib.suppress(Die):
            lifecycle.start_now(vmid, report=True)


def _undo(vmid, made):
    for volid in made:
        volumes.free(volid)
    shutil.rmtree(f"{host.LXC}/{vmid}", ignore_errors=True)
    config.remove(vmid)


def _make(new, values, secrets, archive, made):
    """Fills a new disk and puts its name into the configuration; `made` collects what a failure has to free."""
    store, size, rest = wanted_rootfs(values)
    if size is None:
        volumes.parse(rest)
        raise Die(f"volume '{rest}' does not exist")
    unprivileged = bool(new.now.get("unprivileged"))
    volid = volumes.free_name(storage.get(store), new.vmid)
    volumes.allocate(volid, size)
    made.append(volid)
    disk, root = volumes.path(volid), host.rootfs(new.vmid)
    image.make_filesystem(disk, image.FIRST_ID if unprivileged else 0)
    with image.filled(disk, archive_file(archive), size, unprivileged, root, keep=not archive.startswith("/")):
        distro.detect(new, root)
        named = {**new.now, "vmid": new.vmid, "named": "hostname" in values}
        fault.midway()
        firstboot.set_up(root, named, secrets, guestfiles.host_dns())
    new.now["rootfs"] = newconf.rootfs_text(volid, rest, size)


def archive_file(archive):
    """The file of a template or backup; raises Die if there is none."""
    if archive.startswith("/"):
        if not os.path.exists(archive):
            raise Die(f"can't find file '{archive}'")
        return archive
    file = volumes.path(archive)
    if not os.path.exists(file):
        raise Die(f"volume '{archive}' does not exist")
    return file
