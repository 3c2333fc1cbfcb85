"""The cluster as the file system of the cluster lists it in `.members`: who is in it, who is there, whether a majority is. Never
talks to another node."""
import json
import re

from . import host
from .errors import Die


def members():
    """The content of `.members`; a node that stands alone has no `cluster` in it."""
    try:
        with open(f"{host.ETC}/.members", encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {"nodename": host.NODE, "version": 1}


def check_quorum():
    """Raises Die where changes have to wait for a majority of the nodes."""
    if not _quorate(members()):
        raise Die("cluster not ready - no quorum?")


def check_writable(path):
    """Raises Die (errno EACCES) as any write to the file system of a cluster without majority does."""
    if not _quorate(members()):
        raise Die(f"unable to open file '/etc/pve{path.removeprefix(host.ETC)}' - Permission denied", 13)


def _quorate(found):
    return "cluster" not in found or bool(found["cluster"].get("quorate"))


def status():
    """`/cluster/status`."""
    found = members()
    nodes = found.get("nodelist", {host.NODE: {"id": 0, "online": 1, "ip": own_address()}})
    entries = [{"id": f"node/{name}", "name": name, "type": "node", "ip": node["ip"], "level": "", "local": int(name == host.NODE),
                "nodeid": node["id"], "online": node["online"]} for name, node in nodes.items()]
    if "cluster" not in found:
        return entries
    whole = found["cluster"]
    return [{"id": "cluster", "type": "cluster", **{key: whole[key] for key in ("name", "nodes", "quorate", "version")}}, *entries]


def own_address():
    """The address of this node as /etc/hosts has it."""
    with open("/etc/hosts", encoding="utf-8") as file:
        found = re.search(r"^(\d+\.\d+\.\d+\.\d+)\s+.*\b" + re.escape(host.NODE) + r"\b", file.read(), re.M)
    return found[1] if found else "127.0.0.1"


def others():
    """The other nodes of the cluster and whether they are there."""
    return {name: node["online"] for name, node in members().get("nodelist", {}).items() if name != host.NODE}
