"""The files Proxmox writes inside a container: /etc/hosts, hostname, resolv.conf, network/interfaces at every start, machine-id,
password and keys once. The texts are made by pure functions; writing happens as the container's root, inside its file
system, so that a link there cannot lead out."""
import ipaddress
import os
import re
import sys
import traceback

from . import image, netstring
from .errors import Die

BEGIN, END = "# --- BEGIN PVE ---\n", "# --- END PVE ---\n"
BLOCK = re.compile(re.escape(BEGIN) + r".*?" + re.escape(END), re.S)


def inside(root, unprivileged, body):
    """Runs `body()` in a child whose root directory is `root` and whose user is the container's root; raises Die on failure."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            owner = image.FIRST_ID if unprivileged else 0
            os.chroot(root)
            os.chdir("/")
            os.umask(0o022)
            os.setegid(owner)
            os.seteuid(owner)
            body()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if status:
        raise Die("writing the container's files failed")


def at_start(values, host_dns):
    """Rewrites what Proxmox rewrites at every start, unless the container says hands off with /etc/.pve-ignore.NAME."""
    hostname = values.get("hostname", f"CT{values['vmid']}")
    nets = netstring.nets(values)
    _put("/etc/hostname", lambda old: hostname.split(".")[0] + "\n")
    _put("/etc/hosts", lambda old: hosts(old, hostname, values.get("searchdomain"), nets))
    _put("/etc/resolv.conf", lambda old: resolv(old, values, host_dns))
    if os.path.isdir("/etc/network"):
        _put("/etc/network/interfaces", lambda old: interfaces(old, [net for _, net in nets]))
    if "timezone" in values and values["timezone"] != "host":
        _link(f"/usr/share/zoneinfo/{values['timezone']}", "/etc/localtime")


def _put(path, change):
    directory, name = os.path.split(path)
    if os.path.lexists(f"{directory}/.pve-ignore.{name}"):
        return
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            old = file.read()
    except FileNotFoundError:
        old = ""
    new = change(old)
    if new != old:
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(new)


def _link(target, path):
    if os.path.exists(target):
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(target, path)


def hosts(old, hostname, searchdomain, nets):
    """/etc/hosts with Proxmox's block at its place or at the end."""
    short, _, domain = hostname.partition(".")
    domain = domain or (searchdomain or "").split(" ")[0]
    outside = BLOCK.sub("", old)
    block = ""
    for address in ("127.0.0.1", "::1"):
        if not re.search(rf"^{re.escape(address)}\s.*\blocalhost\b", outside, re.M):
            block += f"{address} localhost.localnet localhost\n"
    name = f"{short}.{domain} {short}" if domain else short
    return _with_block(old, block + f"{_own_address(nets)} {name}\n")


def _own_address(nets):
    for _, net in nets:
        for key in ("ip", "ip6"):
            if "/" in net.get(key, ""):
                return net[key].split("/")[0]
    return "127.0.1.1"


def _with_block(old, block):
    block = BEGIN + block + END
    if BLOCK.search(old):
        return BLOCK.sub(lambda _: block, old, count=1)
    return (old.rstrip("\n") + "\n" if old else "") + block


def resolv(old, values, host_dns):
    """/etc/resolv.conf: the whole file the first time, only the marked block afterwards. `host_dns` is (servers, search)."""
    servers, search = host_dns
    servers = values["nameserver"].split(" ") if "nameserver" in values else servers
    search = values.get("searchdomain", search)
    block = (f"search {search}\n" if search else "") + "".join(f"nameserver {server}\n" for server in servers)
    return _with_block(old if BLOCK.search(old) else "", block)


def host_dns():
    """(name servers, search domain) of the host, which containers without their own use."""
    with open("/etc/resolv.conf", encoding="utf-8") as file:
        return host_resolver(file.read())


def host_resolver(text):
    """(servers, search domain) of the host's own resolv.conf."""
    search = re.search(r"^(?:search|domain)[ \t]+(.+?)\s*$", text, re.M)
    return re.findall(r"^nameserver[ \t]+(\S+)", text, re.M), search[1] if search else ""


def interfaces(old, nets):
    """/etc/network/interfaces: foreign stanzas stay, those of our networks are written anew."""
    ours = {net["name"] for net in nets}
    kept = _foreign(BLOCK.sub("", old), ours)
    if not re.search(r"^iface lo\b", kept, re.M):
        kept = "auto lo\niface lo inet loopback\niface lo inet6 loopback\n\n" + kept
    kept = re.sub(r"\n{3,}", "\n\n", kept).rstrip("\n") + "\n\n"
    return kept + "".join(_stanzas(net) for net in nets if "ip" in net or "ip6" in net)


def _foreign(text, ours):
    kept, dropping = [], False
    for line in text.split("\n"):
        header = re.match(r"(?:auto|allow-\w+|iface|mapping)\s+(\S+)", line)
        if header:
            dropping = header[1] in ours
        elif not re.match(r"\s+\S", line):
            dropping = False
        if not dropping:
            kept.append(line)
    return "\n".join(kept)


def _stanzas(net):
    text = f"auto {net['name']}\n"
    for family, ip, gateway in (("inet", "ip", "gw"), ("inet6", "ip6", "gw6")):
        if ip in net:
            text += _stanza(net["name"], family, net[ip], net.get(gateway))
    return text


def _stanza(name, family, address, gateway):
    if "/" not in address:
        return f"iface {name} {family} {address}\n\n"
    text = f"iface {name} {family} static\n\taddress {address}\n"
    if gateway and ipaddress.ip_address(gateway) in ipaddress.ip_interface(address).network:
        text += f"\tgateway {gateway}\n"
    elif gateway:
        text += _on_link(name, gateway)
    return text + "\n"


def _on_link(name, gateway):
    """A gateway outside the subnet is reached through a route of its own."""
    lines = [f"post-up ip route add {gateway} dev {name}", f"post-up ip route add default via {gateway} dev {name}",
             f"pre-down ip route del default via {gateway} dev {name}", f"pre-down ip route del {gateway} dev {name}"]
    return BEGIN + "".join(f"\t{line}\n" for line in lines) + END
