"""The table of `pvesm`'s subcommands and what they print. Storages of kinds the lab has not are refused."""
import re
import sys

from . import command, host, storage, tasks, volumes
from .command import Command
from .errors import BadParameters, Die
from .formats import split_list
from .guests import UNITS
from .options import STORAGE, VMID, boolean, text
from .schema import MISSING

STORE = {"storage": {**STORAGE, "required": True}}
KEYS = {"content": text(format="content"), "disable": boolean(), "export": text(), "is_mountpoint": text(), "nodes": text(),
        "path": text(), "server": text(), "shared": boolean(), "thinpool": text(), "vgname": text()}
# What a kind cannot do without, and what it can hold.
NEEDED = {"dir": ("path",), "nfs": ("export", "server"), "lvmthin": ("thinpool", "vgname")}


def status(values):
    """`pvesm status`; asking for one content leaves out what is disabled."""
    chosen = _chosen(values)
    width = max([4] + [len(store.name) for store in chosen]) + 1
    row = f"%-{width}s %10s %10s %15s %15s %15s %8s"
    unit = " (KiB)" if host.MAJOR >= 9 else ""
    print(row % ("Name", "Type", "Status", f"Total{unit}", f"Used{unit}", f"Available{unit}", "%"))
    for store in chosen:
        print(row % (store.name, store.kind, *_columns(store)))


def _chosen(values):
    found = sorted(storage.load().values(), key=lambda store: store.name)
    if "storage" in values:
        found = [store for store in found if store.name == values["storage"]]
    if "content" in values:
        wanted = set(split_list(values["content"]))
        found = [store for store in found if store.enabled() and wanted & set(store.content)]
    if values.get("enabled"):
        found = [store for store in found if store.enabled()]
    if "storage" in values and not found:
        raise BadParameters({"storage": "No such storage."})
    return found


def _columns(store):
    if not store.enabled():
        return "disabled", 0, 0, 0, "N/A"
    try:
        store.activate()
    except Die as error:
        print(error, file=sys.stderr)
        return "inactive", 0, 0, 0, "0.00%"
    total, used, available = (size >> 10 for size in store.room())
    return "active", total, used, available, f"{100 * used / total if total else 0:.2f}%"


def listing(values):
    """`pvesm list`."""
    found = volumes.listed(storage.usable(values["storage"]), values.get("content"), values.get("vmid"))
    wide = max([5] + [len(entry["volid"]) for entry in found])
    digits = max([4] + [len(str(entry["size"])) for entry in found])
    row = f"%-{wide}s %-7s %-9s %{digits}s %s"
    print(row % ("Volid", "Format", "Type", "Size", "VMID"))
    for entry in found:
        print((row % (entry["volid"], entry["format"], entry["content"], entry["size"], entry.get("vmid", ""))).rstrip())


def path(values):
    """`pvesm path`: never looks whether the volume exists."""
    print(volumes.path(values["volume"]))


def alloc(values):
    """`pvesm alloc`."""
    store, vmid = storage.usable(values["storage"]), values["vmid"]
    volid = f"{store.name}:{volumes.wanted(store, vmid, values['filename'])}" if values["filename"] else volumes.free_name(store, vmid)
    volumes.parse(volid)
    size = re.fullmatch(r"(\d+)([MG]?)", values["size"])
    if not size:
        raise BadParameters({"size": "value does not match the regex pattern"})
    volumes.allocate(volid, int(size[1]) << UNITS.get(size[2], 10))
    print(f"successfully created '{volid}'")


def free(values):
    """`pvesm free`: a failing removal does not fail the call."""
    volid = values["volume"]
    store, _, _, vmid = volumes.parse(volid)

    def work():
        volumes.free(volid)
        print(f"Removed volume '{volid}'")
    tasks.run_lenient("imgdel", f"{vmid or 0}@{store.name}", work)


def add(values):
    """`pvesm add`; a thin pool must be there, see README."""
    kind = values["type"]
    if kind not in storage.KINDS:
        raise Die(f"the lab knows storages of the kinds {', '.join(storage.KINDS)} only, not '{kind}'")
    missing = {key: MISSING for key in NEEDED[kind] if key not in values}
    if missing:
        raise BadParameters(missing)
    known = storage.load()
    if values["storage"] in known:
        raise Die(f"storage ID '{values['storage']}' already defined")
    known[values["storage"]] = storage.Storage(values["storage"], kind, _keys(values))
    storage.save(known)


def change(values):
    """`pvesm set`."""
    known = storage.load()
    storage.get(values["storage"])
    known[values["storage"]].keys.update(_keys(values))
    storage.save(known)


def _keys(values):
    return {key: values[key] for key in KEYS if key in values}


def remove(values):
    """`pvesm remove`: forgets a storage, keeps its files."""
    known = storage.load()
    storage.get(values["storage"])
    del known[values["storage"]]
    storage.save(known)


COMMANDS = [
    [Command("add", "type storage", {**STORE, **KEYS, "type": text()}, add),
     Command("remove", "storage", STORE, remove),
     Command("set", "storage", {**STORE, **KEYS}, change)],
    [Command("alloc", "storage vmid filename size", {**STORE, "vmid": VMID, "filename": text(), "size": text()}, alloc),
     Command("free", "volume", {"volume": text()}, free),
     Command("list", "storage", {**STORE, "content": text(format="content"), "vmid": {**VMID, "required": False}}, listing),
     Command("path", "volume", {"volume": text()}, path),
     Command("status", "", {"content": text(format="content"), "enabled": boolean(), "storage": STORAGE, "target": text()}, status)],
]


def main(args):
    """Runs one call of `pvesm`."""
    return command.main("pvesm", COMMANDS, args)
