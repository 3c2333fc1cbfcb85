"""The configuration LXC runs a container with, made from Proxmox's file at every start. Never starts anything."""
import os
import shlex

from . import host, image, netstring

SHARE = "/usr/share/lxc/config"
HOOKS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "hooks")
V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")


def write(config):
    """Writes /var/lib/lxc/ID/config and its seccomp rules."""
    directory = f"{host.LXC}/{config.vmid}"
    os.makedirs(f"{directory}/rootfs", exist_ok=True)
    with open(f"{directory}/rules.seccomp", "w", encoding="ascii") as file:
        file.write(_seccomp(config.now))
    with open(f"{directory}/config", "w", encoding="utf-8") as file:
        file.write("".join(f"{key} = {value}\n" for key, value in lines(config)))


def _seccomp(values):
    """LXC's rules; without the keyctl feature that system call does not exist for an unprivileged container."""
    with open(f"{SHARE}/common.seccomp", encoding="ascii") as file:
        rules = file.read().rstrip("\n") + "\n"
    keyctl = "keyctl=1" in values.get("features", "")
    return rules if keyctl or not values.get("unprivileged") else rules + "keyctl errno 38\n"


def lines(config):
    """The configuration as (key, value) pairs."""
    values, vmid = config.now, config.vmid
    directory = f"{host.LXC}/{vmid}"
    yield from [("lxc.cgroup.relative", 0), ("lxc.cgroup.dir.monitor", f"lxc.monitor/{vmid}"),
                ("lxc.cgroup.dir.container", f"lxc/{vmid}"), ("lxc.cgroup.dir.container.inner", "ns"),
                ("lxc.arch", values.get("arch", "amd64")), ("lxc.include", f"{SHARE}/common.conf")]
    if values.get("unprivileged"):
        yield from [("lxc.include", f"{SHARE}/userns.conf"), ("lxc.idmap", f"u 0 {image.FIRST_ID} 65536"),
                    ("lxc.idmap", f"g 0 {image.FIRST_ID} 65536")]
    yield from [("lxc.seccomp.profile", f"{directory}/rules.seccomp"), ("lxc.apparmor.profile", "unconfined"),
                ("lxc.mount.auto", "proc:mixed sys:mixed cgroup:mixed"), ("lxc.monitor.unshare", 1),
                ("lxc.tty.max", values.get("tty", 2)), ("lxc.environment", "TERM=linux"),
                ("lxc.uts.name", values.get("hostname", f"CT{vmid}")), ("lxc.hook.pre-start", _hook("prestart"))]
    yield from _limits(values)
    yield ("lxc.rootfs.path", f"dir:{directory}/rootfs")
    for n, net in netstring.nets(values):
        yield from _network(vmid, n, net)
    yield from config.raw


def _hook(name):
    """LXC hands the line to a shell; the hook must find the same lab as the call that started the container."""
    return shlex.join(["env", f"LAB_ROOT={host.ROOT}", f"LAB_CACHE={host.CACHE}", f"{HOOKS}/{name}"])


def _limits(values):
    memory, swap = values.get("memory", 512) << 20, values.get("swap", 512) << 20
    if V2:
        yield from [("lxc.cgroup2.memory.max", memory), ("lxc.cgroup2.memory.high", memory * 1016 // 1024),
                    ("lxc.cgroup2.memory.swap.max", swap)]
    else:
        yield ("lxc.cgroup.memory.limit_in_bytes", memory)
        if os.path.exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"):
            yield ("lxc.cgroup.memory.memsw.limit_in_bytes", memory + swap)
    limit = float(values.get("cpulimit", 0))
    if limit and V2:
        yield ("lxc.cgroup2.cpu.max", f"{int(limit * 100000)} 100000")
    elif limit:
        yield from [("lxc.cgroup.cpu.cfs_period_us", 100000), ("lxc.cgroup.cpu.cfs_quota_us", int(limit * 100000))]
    cores = values.get("cores")
    if cores and cores < os.cpu_count():
        yield (f"lxc.cgroup{'2' if V2 else ''}.cpuset.cpus", f"0-{cores - 1}")


def _network(vmid, n, net):
    prefix = f"lxc.net.{n}"
    yield from [(f"{prefix}.type", "veth"), (f"{prefix}.veth.pair", f"veth{vmid}i{n}"), (f"{prefix}.hwaddr", net["hwaddr"]),
                (f"{prefix}.name", net["name"]), (f"{prefix}.mtu", net.get("mtu") or _bridge_mtu(net["bridge"]))]
    if not net.get("link_down"):
        yield (f"{prefix}.link", net["bridge"])


def _bridge_mtu(bridge):
    """The bridge's, or the usual one where the release lets a missing bridge pass."""
    if not os.path.exists(f"/sys/class/net/{bridge}"):
        return 1500
    with open(f"/sys/class/net/{bridge}/mtu", encoding="ascii") as file:
        return int(file.read())
