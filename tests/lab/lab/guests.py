"""What the node knows about its containers at this moment: state and use of resources, from cgroups and /proc."""
import contextlib
import os
import re
import time

from . import attach, config, host, lifecycle
from .errors import Die
from .lxcconf import V2

UNITS = {"K": 10, "M": 20, "G": 30, "T": 40}


def state(vmid):
    """"running" or "stopped", in Proxmox's sense: running from the first moment to the last."""
    return "running" if lifecycle.running(vmid) else "stopped"


def details(vmid):
    """Everything `/status/current` shows of one container; raises Die if it does not exist."""
    values = config.load(vmid).now
    found = {"vmid": vmid, "type": "lxc", "status": state(vmid), "name": values.get("hostname", f"CT{vmid}"), "cpu": 0,
             "cpus": values.get("cores") or os.cpu_count(), "maxmem": values.get("memory", 512) << 20,
             "maxswap": values.get("swap", 512) << 20, "maxdisk": disk_size(values.get("rootfs", "")),
             **dict.fromkeys(("disk", "diskread", "diskwrite", "mem", "netin", "netout", "swap", "uptime"), 0)}
    found.update({key: values[key] for key in ("lock", "tags", "template") if key in values})
    if found["status"] == "running":
        with contextlib.suppress(Die, FileNotFoundError, ProcessLookupError):
            _measure(found)
    return found


def disk_size(rootfs):
    """The size named in a volume's property string, in bytes."""
    size = re.search(r"size=(\d+(?:\.\d+)?)([KMGT]?)", rootfs)
    return int(float(size[1]) * (1 << UNITS.get(size[2], 0))) if size else 0


def _measure(found):
    pid = attach.init_pid(found["vmid"])
    found["pid"] = pid
    room = os.statvfs(f"/proc/{pid}/root/")
    found["disk"] = (room.f_blocks - room.f_bfree) * room.f_frsize
    found["maxdisk"] = room.f_blocks * room.f_frsize
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        born = int(stat.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    found["uptime"] = int(time.clock_gettime(time.CLOCK_BOOTTIME) - born)
    found["mem"] = _memory(found["vmid"])
    found["netin"], found["netout"] = _traffic(found["vmid"])
    found["cpu"] = _cpu_share(found["vmid"])


def _cgroup(vmid, controller, file):
    base = "/sys/fs/cgroup" if V2 else f"/sys/fs/cgroup/{controller}"
    with open(f"{base}/lxc/{vmid}/{file}", encoding="ascii") as text:
        return text.read()


def _memory(vmid):
    """Bytes in use without what the kernel would give back at once."""
    if V2:
        used, cache = int(_cgroup(vmid, "", "memory.current")), "inactive_file"
    else:
        used, cache = int(_cgroup(vmid, "memory", "memory.usage_in_bytes")), "total_inactive_file"
    inactive = re.search(rf"^{cache} (\d+)", _cgroup(vmid, "memory", "memory.stat"), re.M)
    return max(used - int(inactive[1] if inactive else 0), 0)


def _traffic(vmid):
    """(received, sent) bytes of the container, whose received is the host side's sent."""
    received = sent = 0
    with open("/proc/net/dev", encoding="ascii") as table:
        for line in table:
            name, _, counts = line.partition(":")
            if re.fullmatch(rf"\s*veth{vmid}i\d+", name):
                fields = counts.split()
                received, sent = received + int(fields[8]), sent + int(fields[0])
    return received, sent


def _cpu_share(vmid):
    """CPU seconds per second since the last look, as a share of the container's cores; 0 at the first look."""
    if V2:
        used = int(re.search(r"usage_usec (\d+)", _cgroup(vmid, "", "cpu.stat"))[1]) / 1e6
    else:
        used = int(_cgroup(vmid, "cpuacct", "cpuacct.usage")) / 1e9
    now, note = time.monotonic(), f"{host.RUN}/cpu-{vmid}"
    with contextlib.suppress(FileNotFoundError, ValueError), open(note, encoding="ascii") as file:
        before_time, before_used = map(float, file.read().split())
        if now > before_time and used >= before_used:
            _remember(note, now, used)
            return round((used - before_used) / (now - before_time) / os.cpu_count(), 6)
    _remember(note, now, used)
    return 0


def _remember(note, now, used):
    with open(note, "w", encoding="ascii") as file:
        file.write(f"{now} {used}")
