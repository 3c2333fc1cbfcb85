"""The table of `pct`'s subcommands. Those missing here are unknown to the lab."""
from . import attach, command, create, lifecycle, options, setconf, show
from .command import Command
from .options import VMID, boolean, integer, text

ID = {"vmid": VMID}
COPY = {**ID, "destination": text(), "user": text(), "group": text(), "perms": text()}

COMMANDS = [
    [Command("create", "vmid ostemplate", {**options.CREATE, **ID, "ostemplate": text(maxLength=255)}, create.create),
     Command("destroy", "vmid", {**ID, "destroy-unreferenced-disks": boolean(), "force": boolean(), "purge": boolean()},
             lifecycle.destroy),
     Command("list", "", {}, show.listing),
     Command("pending", "vmid", ID, setconf.pending)],
    [Command("config", "vmid", {**ID, "current": boolean(), "snapshot": text()}, show.config_text),
     Command("set", "vmid", {**options.SET, **ID}, setconf.change)],
    [Command("reboot", "vmid", {**ID, "timeout": integer(0)}, lifecycle.reboot),
     Command("shutdown", "vmid", {**ID, "forceStop": boolean(), "timeout": integer(0)}, lifecycle.shutdown),
     Command("start", "vmid", {**ID, "debug": boolean(), "skiplock": boolean()}, lifecycle.start),
     Command("stop", "vmid", {**ID, "overrule-shutdown": boolean(), "skiplock": boolean()}, lifecycle.stop)],
    [Command("enter", "vmid", {**ID, "keep-env": boolean()}, attach.enter),
     Command("exec", "vmid extra-args", {**ID, "keep-env": boolean()}, attach.execute),
     Command("pull", "vmid path destination", {**COPY, "path": text()}, attach.pull),
     Command("push", "vmid file destination", {**COPY, "file": text()}, attach.push),
     Command("status", "vmid", {**ID, "verbose": boolean()}, show.status),
     Command("unlock", "vmid", ID, setconf.unlock)],
]


def main(args):
    """Runs one call of `pct`."""
    return command.main("pct", COMMANDS, args)
