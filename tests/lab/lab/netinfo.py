"""What the API tells about networks: the host's as its configuration file names them, a container's as they are. Never
changes either."""
import ipaddress
import json
import os
import re
import subprocess
import sys

from . import host, lifecycle


def host_interfaces(kind=None):
    """`/nodes/N/network`: from the interfaces file, so that a bridge made by hand is missing, as on a real node."""
    try:
        with open(host.INTERFACES, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return []
    automatic = set(re.findall(r"^auto (\S+)", text, re.M))
    found = [_entry(name, method, _keys(text, name), name in automatic)
             for name, method in re.findall(r"^iface (\S+) inet (\S+)", text, re.M) if name != "lo"]
    wanted = {"any_bridge": ("bridge", "OVSBridge")}.get(kind, (kind,))
    return [entry for entry in found if kind is None or entry["type"] in wanted]


def _keys(text, name):
    stanza = re.search(rf"^iface {re.escape(name)} inet \S+\n((?:[ \t]+\S.*\n)*)", text, re.M)
    return dict(re.findall(r"^\s+(\S+)[ \t]*(.*)$", stanza[1], re.M))


def _entry(name, method, keys, automatic):
    bridge = "bridge-ports" in keys
    entry = {"iface": name, "type": "bridge" if bridge else "eth", "method": method, "method6": "manual", "families": ["inet"],
             "priority": 4 if bridge else 3}
    if automatic:
        entry["autostart"] = 1
    if os.path.exists(f"/sys/class/net/{name}"):
        entry["active"] = 1
    if bridge:
        entry.update({f"bridge_{key}": keys.get(f"bridge-{key}", "").replace("none", "") for key in ("ports", "stp", "fd")})
    if "address" in keys:
        own = ipaddress.ip_interface(keys["address"])
        entry.update(address=str(own.ip), netmask=str(own.network.prefixlen), cidr=str(own))
    if "gateway" in keys:
        entry["gateway"] = keys["gateway"]
    return entry


def guest_interfaces(vmid):
    """`/nodes/N/lxc/ID/interfaces`; None and a word on stderr for a container that does not run."""
    if not lifecycle.running(vmid):
        print(f"{vmid} doesn't exist", file=sys.stderr)
        return None
    done = subprocess.run(["lxc-attach", "-n", str(vmid), "--", "ip", "-json", "address"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, check=False)
    return [_guest_entry(link) for link in json.loads(done.stdout or "[]")]


def _guest_entry(link):
    entry = {"name": link["ifname"], "hwaddr": link.get("address", ""), "hardware-address": link.get("address", ""), "ip-addresses": []}
    for address in link.get("addr_info", []):
        entry[address["family"]] = f"{address['local']}/{address['prefixlen']}"
        entry["ip-addresses"].append({"ip-address": address["local"], "ip-address-type": address["family"],
                                      "prefix": str(address["prefixlen"])})
    return entry
