"""What the API tells about the node itself, read from /proc. Never about guests."""
import os
import re

from . import host


def _file(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def memory():
    """{name: bytes} of /proc/meminfo."""
    return {name: int(kib) << 10 for name, kib in re.findall(r"^(\w+):\s+(\d+) kB", _file("/proc/meminfo"), re.M)}


def disk():
    """(total, used, available) bytes of the root file system."""
    room = os.statvfs("/")
    return room.f_blocks * room.f_frsize, (room.f_blocks - room.f_bfree) * room.f_frsize, room.f_bavail * room.f_frsize


def uptime():
    """Whole seconds since boot."""
    return int(float(_file("/proc/uptime").split()[0]))


def summary():
    """The node as the index and the resource list show it."""
    mem, (total, used, _) = memory(), disk()
    return {"id": f"node/{host.NODE}", "node": host.NODE, "type": "node", "status": "online", "level": "", "cpu": cpu_share(),
            "maxcpu": os.cpu_count(), "mem": mem["MemTotal"] - mem["MemAvailable"], "maxmem": mem["MemTotal"], "disk": used,
            "maxdisk": total, "uptime": uptime()}


def cpu_share():
    """One minute's load as a share of all cores; a real node measures between two polls."""
    return round(min(float(_file("/proc/loadavg").split()[0]) / os.cpu_count(), 1), 6)


def status():
    """`/nodes/N/status`."""
    mem, (total, used, available), kernel = memory(), disk(), os.uname()
    swap = mem.get("SwapTotal", 0)
    return {
        "uptime": uptime(), "idle": 0, "wait": 0, "cpu": cpu_share(), "loadavg": _file("/proc/loadavg").split()[:3],
        "kversion": f"{kernel.sysname} {kernel.release} {kernel.version}", "pveversion": f"pve-manager/{host.VERSION}/{host.REPOID}",
        "current-kernel": {"machine": kernel.machine, "release": kernel.release, "sysname": kernel.sysname, "version": kernel.version},
        "boot-info": {"mode": "efi" if os.path.isdir("/sys/firmware/efi") else "legacy-bios"}, "cpuinfo": _cpuinfo(),
        "memory": {"total": mem["MemTotal"], "free": mem["MemFree"], "used": mem["MemTotal"] - mem["MemAvailable"],
                   **({"available": mem["MemAvailable"]} if host.MAJOR >= 9 else {})},
        "swap": {"total": swap, "free": mem.get("SwapFree", 0), "used": swap - mem.get("SwapFree", 0)}, "ksm": {"shared": 0},
        "rootfs": {"total": total, "used": used, "avail": available, "free": available},
    }


def _cpuinfo():
    text = _file("/proc/cpuinfo")

    def first(name):
        found = re.search(rf"^{name}\s*: (.*)$", text, re.M)
        return found[1] if found else ""
    cores = os.cpu_count()
    return {"model": first("model name"), "mhz": first("cpu MHz"), "flags": first("flags"), "cpus": cores, "cores": cores, "sockets": 1,
            "user_hz": os.sysconf("SC_CLK_TCK"), "hvm": "1" if re.search(r"\b(vmx|svm)\b", first("flags")) else "0"}


def dns():
    """`/nodes/N/dns`."""
    text = _file("/etc/resolv.conf")
    found = {f"dns{n}": server for n, server in enumerate(re.findall(r"^nameserver\s+(\S+)", text, re.M)[:3], 1)}
    search = re.search(r"^search\s+(\S+)", text, re.M)
    return {**found, "search": search[1]} if search else found


def version():
    """`/version`."""
    return {"version": host.VERSION, "release": host.RELEASE, "repoid": host.REPOID}
