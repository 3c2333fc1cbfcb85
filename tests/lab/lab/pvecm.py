"""`pvecm status`: the state of the cluster as corosync's own report has it. Never changes the cluster."""
from . import cluster, command
from .command import Command
from .errors import Die


def status(_values):
    """`pvecm status`."""
    found = cluster.members()
    if "cluster" not in found:
        raise Die("Error: Corosync config '/etc/pve/corosync.conf' does not exist - is this node part of a cluster?", 2)
    whole, nodes = found["cluster"], found["nodelist"]
    votes = sum(node["online"] for node in nodes.values())
    print(f"Cluster information\n-------------------\nName:             {whole['name']}\nConfig Version:   {whole['version']}\n"
          "Transport:        knet\nSecure auth:      on\n\nQuorum information\n------------------\n"
          f"Nodes:            {votes}\nQuorate:          {'Yes' if whole['quorate'] else 'No'}\n\n"
          "Votequorum information\n----------------------\n"
          f"Expected votes:   {len(nodes)}\nTotal votes:      {votes}\nQuorum:           {len(nodes) // 2 + 1}"
          f"{'' if whole['quorate'] else ' Activity blocked'}\n\nMembership information\n----------------------\n"
          "    Nodeid      Votes Name")
    for node in nodes.values():
        if node["online"]:
            print(f"0x{node['id']:08x}          1 {node['ip']}")


COMMANDS = [[Command("status", "", {}, status)]]


def main(args):
    """Runs one call of `pvecm`."""
    return command.main("pvecm", COMMANDS, args)
