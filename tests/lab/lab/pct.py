"""The table of `pct`'s subcommands. Those missing here are unknown to the lab."""
from . import attach, clone, command, create, destroy, host, lifecycle, options, restore, setconf, show, snapshot
from .command import Command
from .options import STORAGE, VMID, boolean, integer, text

ID = {"vmid": VMID}
SNAPSHOT = {**ID, "snapname": text(format="pve-configid", maxLength=40)}
# Releases before 8.2 pass the environment on and have no word for it, nor for ending a shutdown that takes too long.
KEEP_ENV = {**ID, "keep-env": boolean()} if host.MAJOR >= 8 else ID
STOP = {**ID, "skiplock": boolean(), **({"overrule-shutdown": boolean()} if host.MAJOR >= 8 else {})}
COPY = {**ID, "destination": text(), "user": text(), "group": text(), "perms": text()}


def _create(values):
    return (restore.restore if values.get("restore") else create.create)(values)


COMMANDS = [
    [Command("clone", "vmid newid", {
        **ID, "newid": VMID, "bwlimit": {"type": "number", "minimum": 0}, "description": text(), "full": boolean(),
        "hostname": text(format="dns-name"), "pool": text(format="pve-configid"), "snapname": text(format="pve-configid", maxLength=40),
        "storage": STORAGE, "target": text()}, clone.clone),
     Command("create", "vmid ostemplate", {**options.CREATE, **ID, "ostemplate": text(maxLength=255)}, _create),
     Command("destroy", "vmid", {**ID, "destroy-unreferenced-disks": boolean(), "force": boolean(), "purge": boolean()},
             destroy.destroy),
     Command("list", "", {}, show.listing),
     Command("migrate", "vmid target", {**ID, "target": text(), "online": boolean(), "restart": boolean(), "timeout": integer()},
             clone.migrate),
     Command("pending", "vmid", ID, setconf.pending),
     Command("restore", "vmid ostemplate", {**options.CREATE, **ID, "ostemplate": text(maxLength=255)}, restore.restore)],
    [Command("config", "vmid", {**ID, "current": boolean(), "snapshot": text()}, show.config_text),
     Command("set", "vmid", {**options.SET, **ID}, setconf.change)],
    [Command("delsnapshot", "vmid snapname", {**SNAPSHOT, "force": boolean()}, snapshot.delete),
     Command("listsnapshot", "vmid", ID, snapshot.listing),
     Command("rollback", "vmid snapname", {**SNAPSHOT, "start": boolean()}, snapshot.rollback),
     Command("snapshot", "vmid snapname", {**SNAPSHOT, "description": text()}, snapshot.take)],
    [Command("reboot", "vmid", {**ID, "timeout": integer(0)}, lifecycle.reboot),
     Command("shutdown", "vmid", {**ID, "forceStop": boolean(), "timeout": integer(0)}, lifecycle.shutdown),
     Command("start", "vmid", {**ID, "debug": boolean(), "skiplock": boolean()}, lifecycle.start),
     Command("stop", "vmid", STOP, lifecycle.stop)],
    [Command("enter", "vmid", KEEP_ENV, attach.enter),
     Command("exec", "vmid extra-args", KEEP_ENV, attach.execute),
     Command("pull", "vmid path destination", {**COPY, "path": text()}, attach.pull),
     Command("push", "vmid file destination", {**COPY, "file": text()}, attach.push),
     Command("status", "vmid", {**ID, "verbose": boolean()}, show.status),
     Command("unlock", "vmid", ID, setconf.unlock)],
]


def main(args):
    """Runs one call of `pct`."""
    return command.main("pct", COMMANDS, args)
