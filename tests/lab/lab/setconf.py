"""`pct set`, `pct unlock`, `pct pending`: changes of a configuration, at once or for the next start. Never restarts anything."""
import re
import sys

from . import config, host, hotplug, lifecycle, locks, lxcconf, netstring, newconf, options, show
from .errors import BadParameters, Die
from .formats import split_list

# What takes effect in a running container; everything else waits for its next start.
LIVE = ("cores", "cpulimit", "cpuunits", "description", "hookscript", "hostname", "lock", "memory", "onboot", "protection", "startup",
        "swap", "tags")
REQUIRED = ("memory", "ostype", "rootfs", "swap", "unprivileged")


def change(values):
    """`pct set`: under the container's lock file, but not as a task."""
    values = dict(values)
    vmid, digest = values.pop("vmid"), values.pop("digest", None)
    delete, revert = (split_list(values.pop(key, "")) for key in ("delete", "revert"))
    if not values and not delete and not revert:
        raise Die("no options specified")
    for key in delete:
        _check_delete(key)
    if "unprivileged" in values:
        raise Die("unable to modify read-only option: 'unprivileged'")
    config.load(vmid)
    with locks.guest(vmid):
        _apply(vmid, values, delete, revert, digest)


def _check_delete(key):
    if key not in options.CONFIG and not key.startswith("unused"):
        raise BadParameters({"delete": f"unknown option '{key}'"})
    if key in REQUIRED:
        raise Die(f"unable to delete required option '{key}'")


def _apply(vmid, values, delete, revert, digest):
    found = config.load(vmid)
    found.check_lock()
    if digest and digest != found.digest:
        raise Die("detected modified configuration - file changed by other user? Try again.")
    for key in revert:
        found.pending.pop(key, None)
    for key in delete:
        _delete(found, key)
    for key, value in values.items():
        keep = netstring.read(found.now[key]) if re.fullmatch(r"net\d+", key) and key in found.now else None
        _set(found, key, newconf.normal(key, value, keep))
    config.save(found)
    nets = [net for _, net in netstring.nets(found.now)]
    if host.MAJOR >= 8:
        for net in nets:
            netstring.check_bridge(net)
    lxcconf.write(found)


def _delete(found, key):
    if key not in found.effective():
        print(f"cannot delete '{key}' - not set in current configuration!", file=sys.stderr)
    elif not lifecycle.running(found.vmid) or key in LIVE:
        found.now.pop(key, None)
        found.pending.pop(key, None)
    elif re.fullmatch(r"net\d+", key):
        hotplug.remove_net(found.vmid, int(key[3:]))
        found.now.pop(key, None)
    else:
        found.pending[key] = None


def _set(found, key, value):
    if lifecycle.running(found.vmid):
        if re.fullmatch(r"net\d+", key):
            hotplug.change_net(found, key, value)
        elif re.fullmatch(r"mp\d+", key) and key not in found.now:
            pass
        elif key in LIVE:
            hotplug.limit(found, key, value)
        else:
            found.pending[key] = value
            return
    found.now[key] = value
    found.pending.pop(key, None)


def unlock(values):
    """`pct unlock`."""
    with locks.guest(values["vmid"]):
        found = config.load(values["vmid"])
        if not found.now.pop("lock", None):
            raise Die("no lock found trying to remove any lock")
        config.save(found)


def pending(values):
    """`pct pending`."""
    found = config.load(values["vmid"])
    for key in sorted({*found.now, *found.pending}):
        for line in show.lines({key: found.now[key]} if key in found.now and found.pending.get(key, 0) is not None else {}):
            print(f"cur {line}")
        if key in found.pending:
            value = found.pending[key]
            print(f"del {key}: {found.now.get(key, '')}" if value is None else f"new {show.lines({key: value})[0]}")
