"""Container configuration files: reading, writing, the cluster-wide list of IDs. Never looks at a container itself."""
import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import urllib.parse

from . import cluster, host, options
from .errors import Die, missing_config


class Config:
    """One container's file: `now` are the values in force, `pending` those for the next start (None = to be deleted), `raw`
    the lines handed to LXC as they are, `snapshots` the values each snapshot keeps, by its name."""

    def __init__(self, vmid, now=None):
        self.vmid, self.now, self.pending, self.raw, self.digest = vmid, now or {}, {}, [], ""
        self.snapshots = {}

    def effective(self):
        """Values as `pct config` shows them: what is pending counts as set."""
        merged = {**self.now, **self.pending}
        return {key: value for key, value in merged.items() if value is not None}

    def check_lock(self, *allowed):
        """Refuses to go on while an administrator or a running job holds the container."""
        lock = self.now.get("lock")
        if lock and lock not in allowed:
            raise Die(f"CT is locked ({lock})")


def path(vmid, node=host.NODE, kind="lxc"):
    """The file of one guest; `kind` is "lxc" or "qemu"."""
    return f"{host.conf_dir('lxc' if kind == 'lxc' else 'qemu-server', node)}/{vmid}.conf"


def load(vmid, rc=2, node=host.NODE, kind="lxc"):
    """Reads one guest's file; raises Die if there is none."""
    try:
        with open(path(vmid, node, kind), encoding="utf-8") as file:
            content = file.read()
    except FileNotFoundError:
        raise missing_config(vmid, node, rc) from None
    return parse(vmid, content)


def parse(vmid, content):
    """The text of a file."""
    found = Config(vmid)
    found.digest = hashlib.sha1(content.encode()).hexdigest()
    _read(content, found)
    return found


def _read(content, found):
    section = found.now
    for line in content.split("\n"):
        header = re.fullmatch(r"\[(.+)\]", line.strip())
        if header:
            section = found.pending if header[1] == "pve:pending" else found.snapshots.setdefault(header[1], {})
        elif line.startswith("#"):
            section["description"] = section.get("description", "") + urllib.parse.unquote(line[1:]) + "\n"
        elif ":" in line:
            _read_line(line, section, found)


def _read_line(line, section, found):
    key, _, value = line.partition(":")
    key, value = key.strip(), value.strip()
    if key.startswith("lxc."):
        found.raw.append((key, value))
    elif key == "delete" and section is found.pending:
        section.update(dict.fromkeys(value.split(",")))
    else:
        section[key] = typed(key, value)


def typed(key, value):
    """A value as JSON shows it: numbers where the schema says integer or boolean."""
    if options.CONFIG.get(key, {}).get("type") in ("integer", "boolean") and re.fullmatch(r"\d+", str(value)):
        return int(value)
    return value


def encode(description):
    """The percent-encoding of the Notes field."""
    return re.sub(r"[\x00-\x1f%:\x7f-\U0010ffff]", lambda found: urllib.parse.quote(found[0], safe=""), description)


def save(config):
    """Writes the file atomically and refreshes the list of IDs."""
    target = path(config.vmid)
    cluster.check_writable(f"{target}.tmp.{os.getpid()}")
    with open(f"{target}.tmp.{os.getpid()}", "w", encoding="utf-8") as file:
        file.write(render(config))
    os.rename(file.name, target)
    publish_ids()


def render(config):
    """The text of the file: notes first, keys sorted, raw lines, then what is pending, then the snapshots."""
    text = _section(config.now)
    text += "".join(f"{key}: {value}\n" for key, value in config.raw)
    if config.pending:
        text += "\n[pve:pending]\n" + "".join(f"{key}: {value}\n" for key, value in _pending(config.pending))
    return text + "".join(f"\n[{name}]\n{_section(values)}" for name, values in sorted(config.snapshots.items()))


def _section(values):
    notes = values.get("description", "")
    text = "".join(f"#{encode(line)}\n" for line in notes.rstrip("\n").split("\n")) if notes else ""
    return text + "".join(f"{key}: {value}\n" for key, value in sorted(values.items()) if key != "description")


def _pending(pending):
    deleted = ",".join(sorted(key for key, value in pending.items() if value is None))
    changed = [(key, encode(str(value))) for key, value in sorted(pending.items()) if value is not None]
    return ([("delete", deleted)] if deleted else []) + changed


def remove(vmid):
    """Forgets a container."""
    cluster.check_writable(path(vmid))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path(vmid))
    publish_ids()


def cluster_ids():
    """Every guest of every node: {vmid: (node, "lxc" or "qemu")}."""
    found = {}
    for file in glob.glob(f"{host.ETC}/nodes/*/*/*.conf"):
        node, kind, name = file.split("/")[-3:]
        vmid = name.removesuffix(".conf")
        if kind in ("lxc", "qemu-server") and vmid.isdigit():
            found[int(vmid)] = (node, kind.removesuffix("-server"))
    return found


def own_ids():
    """The containers of this node, ascending."""
    return sorted(vmid for vmid, place in cluster_ids().items() if place == (host.NODE, "lxc"))


def refuse_taken(vmid):
    """Raises Die if the ID belongs to any guest of the cluster."""
    node, kind = cluster_ids().get(vmid, (None, None))
    if node:
        raise Die(f"{'CT' if kind == 'lxc' else 'VM'} {vmid} already exists on node '{node}'")


def publish_ids():
    """Writes /etc/pve/.vmlist, which on a real node is a virtual file."""
    target = f"{host.ETC}/.vmlist"
    with open(f"{host.RUN}/vmlist.lock", "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ids = {str(vmid): {"node": node, "type": kind, "version": 1} for vmid, (node, kind) in sorted(cluster_ids().items())}
        with open(target + ".tmp", "w", encoding="utf-8") as file:
            json.dump({"version": os.stat(host.conf_dir()).st_mtime_ns, **({"ids": ids} if ids else {})}, file)
        os.rename(file.name, target)
