"""What `pct` prints about containers. Never changes them."""
from . import config, guests
from .config import encode


def listing(_values):
    """`pct list`: nothing at all when there is no container."""
    rows = [(vmid, *_row(vmid)) for vmid in config.own_ids()]
    if rows:
        for row in [("VMID", "Status", "Lock", "Name"), *rows]:
            print("%-10s %-10s %-12s %-20s" % row)


def _row(vmid):
    values = config.load(vmid).now
    return guests.state(vmid), values.get("lock", ""), values.get("hostname", f"CT{vmid}")


def status(values):
    """`pct status`."""
    config.load(values["vmid"])
    if not values.get("verbose"):
        print(f"status: {guests.state(values['vmid'])}")
        return
    for key, value in sorted(guests.details(values["vmid"]).items()):
        if key != "cpu":
            print(f"{key}: {value}")


def config_text(values):
    """`pct config`: pending values count as set, unless only the current ones are wanted."""
    found = config.load(values["vmid"])
    shown = found.now if values.get("current") else found.effective()
    for line in lines(shown):
        print(line)
    for key, value in found.raw:
        print(f"{key}: {value}")


def lines(values):
    """A configuration as sorted `key: value` lines, notes percent-encoded."""
    return [f"{key}: {encode(value) if key == 'description' else value}" for key, value in sorted(values.items())]


