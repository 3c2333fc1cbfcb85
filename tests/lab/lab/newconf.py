"""The values of a new configuration file in the form Proxmox gives them. Never reads or writes a file."""
import re

from . import host, netstring, options
from .formats import split_list

# What a container is that was not said to be either.
UNPRIVILEGED = int(host.MAJOR >= 9)


def rootfs_text(volid, rest, size):
    """The root's property string as it is stored."""
    extra = "".join(f",{key}={value}" for key, value in sorted(rest.items()))
    return f"{volid}{extra},size={size_text(size)}"


def size_text(size):
    """A size as the configuration names it: in the largest unit that divides it."""
    for shift, unit in ((40, "T"), (30, "G"), (20, "M"), (10, "K")):
        if size and size % (1 << shift) == 0:
            return f"{size >> shift}{unit}"
    return str(size)


def stored(values):
    """The given keys of the new configuration file, in the form Proxmox gives them."""
    kept = {key: value for key, value in values.items() if key in options.CONFIG and key != "rootfs"}
    return {key: normal(key, value) for key, value in kept.items()}


def completed(vmid, kept):
    """The keys of a new configuration file: what was not given, but is always written."""
    kept = {"hostname": f"CT{vmid}", "memory": 512, "swap": 512, "unprivileged": UNPRIVILEGED, **kept}
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
