"""`pct create`: reserve the ID, allocate, unpack, set up, write the configuration. Never leaves anything behind when it
fails; only when it is killed."""
import contextlib
import os
import re
import shutil

from . import config, fault, firstboot, guestfiles, host, image, lifecycle, locks, netstring, options, schema, storage, tasks
from .errors import BadParameters, Die
from .formats import split_list

NEW_VOLUME = re.compile(r"([^:\s]+):(\d+(?:\.\d+)?)")


def create(values):
    """Checks everything that can be checked before the task, then runs it. The start of `--start` cannot fail the call."""
    vmid = values["vmid"]
    secrets = {"password": values.get("password"), "keys": _key_file(values.get("ssh-public-keys"))}
    _check(values)
    config.refuse_taken(vmid)
    if values.get("pool"):
        raise Die(f"403 Permission check failed (pool '{values['pool']}' does not exist)", 2)
    firstboot.check_keys(secrets["keys"] or "")
    archive = _archive_check(values["ostemplate"])
    _check_store(values)
    for _, net in netstring.nets(values):
        if "mtu" in net:
            netstring.check_bridge(net)
    _reserve(vmid)
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
    _, content, _, _ = storage.parse(ostemplate)
    if content != "vztmpl":
        raise Die(f"unable to use volume {ostemplate} - content type needs to be 'vztmpl'")
    storage.get(ostemplate.partition(":")[0]).check_enabled()
    return ostemplate


def _rootfs(values):
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


def _check_store(values):
    name, _, volume = _rootfs(values)
    store = storage.usable(name or volume.partition(":")[0])
    if "rootdir" not in store.content:
        raise BadParameters({"storage": f"storage '{store.name}' does not support container directories"})


def _reserve(vmid):
    """Takes the ID: a file with nothing but the lock, which is all that is left if the create is killed."""
    with _prefixed(vmid), locks.guest(vmid, 5):
        config.refuse_taken(vmid)
        config.save(config.Config(vmid, {"lock": "create"}))


@contextlib.contextmanager
def _prefixed(vmid):
    try:
        yield
    except Die as error:
        raise Die(f"unable to create CT {vmid} - {error}", error.rc) from None


def _work(values, secrets, archive):
    vmid = values["vmid"]
    with _prefixed(vmid), locks.guest(vmid):
        new = config.Config(vmid, _stored(values))
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
        storage.free(volid)
    shutil.rmtree(f"{host.LXC}/{vmid}", ignore_errors=True)
    config.remove(vmid)


def _make(new, values, secrets, archive, made):
    """Fills a new disk and puts its name into the configuration; `made` collects what a failure has to free."""
    store, size, rest = _rootfs(values)
    if size is None:
        storage.parse(rest)
        raise Die(f"volume '{rest}' does not exist")
    unprivileged = bool(values.get("unprivileged"))
    volid = storage.free_name(storage.get(store), new.vmid)
    storage.allocate(volid, size)
    made.append(volid)
    disk, root = storage.path(volid), host.rootfs(new.vmid)
    image.make_filesystem(disk, image.FIRST_ID if unprivileged else 0)
    with image.filled(disk, _archive(archive), size, unprivileged, root):
        _detect(new, root)
        named = {**new.now, "vmid": new.vmid, "named": "hostname" in values}
        fault.midway()
        firstboot.set_up(root, named, secrets, guestfiles.host_dns())
    extra = "".join(f",{key}={value}" for key, value in sorted(rest.items()))
    new.now["rootfs"] = f"{volid}{extra},size={size_text(size)}"


def _archive(archive):
    if archive.startswith("/"):
        if not os.path.exists(archive):
            raise Die(f"can't find file '{archive}'")
        return archive
    file = storage.path(archive)
    if not os.path.exists(file):
        raise Die(f"volume '{archive}' does not exist")
    return file


def _detect(new, root):
    """Finds out architecture and distribution, as far as the one template needs it."""
    print("Detected container architecture: amd64", flush=True)
    new.now.setdefault("arch", "amd64")
    if "ostype" not in new.now:
        with open(f"{root}/etc/os-release", encoding="utf-8") as file:
            found = re.search(r"^ID=\"?(\w+)", file.read(), re.M)
        new.now["ostype"] = found[1] if found and found[1] in options.OSTYPES else "unmanaged"


def size_text(size):
    """A size as the configuration names it: in the largest unit that divides it."""
    for shift, unit in ((40, "T"), (30, "G"), (20, "M"), (10, "K")):
        if size and size % (1 << shift) == 0:
            return f"{size >> shift}{unit}"
    return str(size)


def _stored(values):
    """The keys of the new configuration file, in the form Proxmox gives them."""
    kept = {key: value for key, value in values.items() if key in options.CONFIG and key != "rootfs"}
    kept = {key: normal(key, value) for key, value in kept.items()}
    kept.setdefault("hostname", f"CT{values['vmid']}")
    kept.setdefault("memory", 512)
    kept.setdefault("swap", 512)
    if not kept.get("unprivileged"):
        kept.pop("unprivileged", None)
    return kept


def normal(key, value, keep=None):
    """One value as it is stored: networks completed, tags sorted, lists joined."""
    if re.fullmatch(r"net\d+", key):
        return netstring.stored(value, keep)
    if key == "tags":
        return ";".join(sorted({tag.lower() for tag in split_list(value)}))
    if key in ("nameserver", "searchdomain"):
        return " ".join(split_list(value))
    if key == "description":
        return value.rstrip("\n") + "\n" if value else value
    return int(value) if isinstance(value, float) and value.is_integer() else value
