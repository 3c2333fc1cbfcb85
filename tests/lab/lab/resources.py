"""`/cluster/resources` and the storage lists of the API. What needs a look at guests is as old as the last round of the
status daemon, which the lab imitates with a snapshot renewed when it is asked for later than that."""
import contextlib
import json
import os
import time

from . import cluster, config, guests, host, nodeinfo, storage
from .errors import BadParameters, Die
from .formats import split_list

# Seconds between two rounds of the status daemon.
ROUND = float(host.knob("LAB_STATUS_S", "10"))
# What the daemon measures; tags and lock come straight from the configuration.
MEASURED = ("name", "status", "template", "uptime", "cpu", "maxcpu", "mem", "maxmem", "disk", "maxdisk", "netin", "netout", "diskread",
            "diskwrite")


def all_of(kind=None):
    """All resources, or those of one kind."""
    parts = {"vm": guest_list, "node": _nodes, "storage": _storages, "sdn": _zones}
    return [entry for name, part in parts.items() if kind in (None, name) for entry in part()]


def guest_list():
    """Guests of all nodes; a new one is `unknown` and nameless until the next round."""
    known = _snapshot()
    found = []
    for vmid, (node, kind) in sorted(config.cluster_ids().items()):
        entry = {"id": f"{kind}/{vmid}", "type": kind, "vmid": vmid, "node": node, "status": "unknown"}
        entry.update(known.get(str(vmid), {}))
        found.append({**entry, **_live(vmid, node, kind)})
    return found


def _live(vmid, node, kind):
    with contextlib.suppress(Die):
        values = config.load(vmid, node=node, kind=kind).now
        return {key: values[key] for key in ("tags", "lock") if key in values}
    return {}


def _snapshot():
    """The last round's findings by ID, as text because JSON has it so."""
    note = f"{host.RUN}/status.json"
    with contextlib.suppress(FileNotFoundError, ValueError):
        if time.time() - os.stat(note).st_mtime < ROUND:
            with open(note, encoding="utf-8") as file:
                return json.load(file)
    found = {str(vmid): _measured(vmid, *place) for vmid, place in config.cluster_ids().items()}
    with open(f"{note}.{os.getpid()}", "w", encoding="utf-8") as file:
        json.dump(found, file)
    os.rename(file.name, note)
    return found


def _measured(vmid, node, kind):
    if not cluster.others().get(node, 1):
        return {}
    if (node, kind) != (host.NODE, "lxc"):
        with contextlib.suppress(Die):
            values = config.load(vmid, node=node, kind=kind).now
            return {"name": values.get("hostname", values.get("name", f"VM {vmid}")), "status": "stopped", "template": 0}
        return {}
    with contextlib.suppress(Die):
        found = {"template": 0, **guests.details(vmid)}
        found["maxcpu"] = found["cpus"]
        return {key: found[key] for key in MEASURED}
    return {}


def _nodes():
    others = [{"id": f"node/{name}", "node": name, "type": "node", "status": "online" if online else "offline"}
              for name, online in cluster.others().items()]
    return [{**nodeinfo.summary(), "cgroup-mode": 2 if guests.V2 else 1}, *others]


def _zones():
    return [{"id": f"sdn/{host.NODE}/localnetwork", "node": host.NODE, "sdn": "localnetwork", "status": "ok", "type": "sdn"}]


def _storages():
    return [_resource(store) for store in storage.load().values() if store.enabled()]


def _resource(store):
    entry = {"id": f"storage/{host.NODE}/{store.name}", "type": "storage", "storage": store.name, "node": host.NODE, "shared": 0,
             "plugintype": store.kind, "content": ",".join(store.content), "status": "unknown"}
    with contextlib.suppress(Die):
        store.activate()
        total, used, _ = store.room()
        entry.update(status="available", disk=used, maxdisk=total)
    return entry


def store_status(store):
    """One storage as `/nodes/N/storage/S/status` shows it."""
    entry = {"type": store.kind, "content": ",".join(store.content), "shared": 0, "enabled": int(store.enabled()), "active": 0,
             "total": 0, "used": 0, "avail": 0}
    if store.enabled():
        with contextlib.suppress(Die):
            store.activate()
            total, used, available = store.room()
            entry.update(active=1, total=total, used=used, avail=available)
    return entry


def store_list(values):
    """`/nodes/N/storage`, with its filters."""
    found = [store for store in storage.load().values()
             if values.get("storage", store.name) == store.name and (store.enabled() or not values.get("enabled"))
             and ("content" not in values or (store.enabled() and set(split_list(values["content"])) & set(store.content)))]
    if "storage" in values and not found:
        raise BadParameters({"storage": "No such storage."})
    return [_list_entry(store) for store in found]


def _list_entry(store):
    entry = {"storage": store.name, **store_status(store)}
    if entry["total"]:
        entry["used_fraction"] = entry["used"] / entry["total"]
    return entry
