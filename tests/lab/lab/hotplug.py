"""Changes of a running container: limits and networks. Never writes its configuration."""
import os

from . import attach, links, netstring
from .errors import BadParameters, Die
from .lxcconf import V2


def limit(found, key, value):
    """Applies one changed limit at once; other keys have no effect on a running container."""
    if key in ("memory", "swap"):
        _memory(found.vmid, **{**{name: found.now.get(name, 512) for name in ("memory", "swap")}, key: value})
    elif key == "cores":
        _write(found.vmid, "cpuset", "cpuset.cpus", f"0-{min(value, os.cpu_count()) - 1}")
    elif key == "cpulimit" and V2:
        _write(found.vmid, "", "cpu.max", f"{int(float(value) * 100000) or 'max'} 100000")
    elif key == "cpulimit":
        _write(found.vmid, "cpu", "cpu.cfs_quota_us", str(int(float(value) * 100000) or -1))


def _memory(vmid, memory, swap):
    if V2:
        _write(vmid, "", "memory.max", str(memory << 20))
        _write(vmid, "", "memory.swap.max", str(swap << 20))
        return
    both = ("memory.memsw.limit_in_bytes", str((memory + swap) << 20)), ("memory.limit_in_bytes", str(memory << 20))
    # The sum may never be below the part: which of the two goes first depends on the direction.
    try:
        for file, size in both:
            _write(vmid, "memory", file, size)
    except OSError:
        for file, size in reversed(both):
            _write(vmid, "memory", file, size)


def _write(vmid, controller, file, text):
    base = "/sys/fs/cgroup" if V2 else f"/sys/fs/cgroup/{controller}"
    path = f"{base}/lxc/{vmid}/{file}"
    if os.path.exists(path):
        with open(path, "w", encoding="ascii") as control:
            control.write(text)


def change_net(found, key, value):
    """Adds or changes one network at once; raises BadParameters (errno ENOENT) when its bridge is missing."""
    net, n = netstring.read(value), int(key[3:])
    try:
        netstring.check_bridge(net)
        if key not in found.now:
            _add_net(found.vmid, n, net)
        else:
            links.ip("link", "set", f"veth{found.vmid}i{n}", "master", net["bridge"])
        _address(found.vmid, net)
    except Die as error:
        raise BadParameters({key: f"unable to hotplug {key}: {error}\n"}, error.rc) from None


def _add_net(vmid, n, net):
    outside, inside = f"veth{vmid}i{n}", f"veth{vmid}i{n}p"
    links.ip("link", "add", outside, "mtu", _mtu(net["bridge"]), "type", "veth", "peer", "name", inside, "mtu", _mtu(net["bridge"]),
        "address", net["hwaddr"])
    links.ip("link", "set", outside, "master", net["bridge"], "up")
    links.ip("link", "set", inside, "netns", str(attach.init_pid(vmid)), "name", net["name"])


def _mtu(bridge):
    with open(f"/sys/class/net/{bridge}/mtu", encoding="ascii") as file:
        return file.read().strip()


def remove_net(vmid, n):
    """Takes one network away."""
    links.ip("link", "delete", f"veth{vmid}i{n}")


def _address(vmid, net):
    """Gives a static address and gateway to a network that is there; dynamic ones are left to the guest."""
    if "/" not in net.get("ip", ""):
        return
    inside = ["lxc-attach", "-n", str(vmid), "--"]
    links.ip("address", "flush", "dev", net["name"], "scope", "global", before=inside)
    links.ip("address", "add", net["ip"], "brd", "+", "dev", net["name"], before=inside)
    links.ip("link", "set", net["name"], "up", before=inside)
    if "gw" in net:
        links.ip("route", "replace", "default", "via", net["gw"], "dev", net["name"], "onlink", before=inside)
