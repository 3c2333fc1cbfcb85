"""Network property strings: reading them, and the form Proxmox stores them in. Never touches an interface."""
import os
import re
import secrets

from . import host, options, schema
from .errors import Die


def read(value):
    """A stored or given netN as a dict."""
    return schema.properties(value, options.NET)


def stored(value, keep=None):
    """The text written to the file: name first, the rest sorted, address and type filled in. `keep` is the network it
    replaces, whose hardware address stays."""
    net = read(value)
    net.setdefault("hwaddr", (keep or {}).get("hwaddr") or _new_address())
    net["hwaddr"] = net["hwaddr"].upper()
    net.setdefault("type", "veth")
    rest = ",".join(f"{key}={net[key]}" for key in sorted(net) if key != "name")
    return f"name={net['name']},{rest}"


def _new_address():
    """A random unicast address, from release 8 on with Proxmox's own prefix."""
    octets = secrets.token_bytes(6)
    prefix = (octets[0] & 0xfc, octets[1], octets[2]) if host.MAJOR < 8 else (0xbc, 0x24, 0x11)
    return ":".join(f"{octet:02X}" for octet in (*prefix, *octets[3:]))


def renewed(value):
    """A stored network with a new hardware address."""
    return stored(",".join(f"{key}={text}" for key, text in read(value).items() if key != "hwaddr"))


def nets(values):
    """[(number, dict)] of all networks of a configuration, in order."""
    found = [(int(key[3:]), read(value)) for key, value in values.items() if re.fullmatch(r"net\d+", key)]
    return sorted(found, key=lambda entry: entry[0])


def check_bridge(net):
    """Raises Die if the bridge is missing (errno ENOENT)."""
    bridge = net.get("bridge")
    if not bridge:
        raise Die("no bridge set")
    if not os.path.isdir(f"/sys/class/net/{bridge}/bridge"):
        raise Die(f"bridge '{bridge}' does not exist", 2)
