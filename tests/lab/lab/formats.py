"""The value formats of Proxmox's schema that the lab's calls use. Each check returns nothing or raises ValueError with
Proxmox's words. Never looks at the machine, except for the list of time zones."""
import ipaddress
import re

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
CONTENT = ("rootdir", "images", "vztmpl", "iso", "backup", "snippets", "import", "none")


def _regex(pattern, message):
    compiled = re.compile(pattern)

    def check(value):
        if not compiled.fullmatch(value):
            raise ValueError(message)
    return check


def _address(value, version=None):
    try:
        found = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError("value does not look like a valid IP address") from None
    if version and found.version != version:
        raise ValueError(f"value does not look like a valid IPv{version} address")


def _network(version, words, shortest, longest):
    def check(value):
        if value in words:
            return
        address, _, length = value.partition("/")
        try:
            fits = ipaddress.ip_address(address).version == version
        except ValueError:
            fits = False
        if not (fits and re.fullmatch(r"\d{1,3}", length) and shortest <= int(length) <= longest):
            raise ValueError(f"value does not look like a valid ipv{version} network configuration")
    return check


def _timezone(value):
    with open("/usr/share/zoneinfo/zone.tab", encoding="utf-8") as table:
        known = {line.split("\t")[2].strip() for line in table if not line.startswith("#")}
    if value not in known | {"UTC", "host"}:
        raise ValueError(f"invalid time zone '{value}'")


def _content(value):
    for word in split_list(value):
        if word not in CONTENT:
            raise ValueError(f"invalid content type '{word}'")


def _mac(value):
    if not re.fullmatch(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", value) or int(value[:2], 16) & 1:
        raise ValueError("value does not look like a valid unicast MAC address")


def split_list(value):
    """The words of a list in Proxmox's notation: commas, semicolons, blanks or NULs between them."""
    return [word for word in re.split(r"[,;\0\s]+", value) if word]


CHECKS = {
    "pve-vmid": _regex(r"[1-9][0-9]{2,8}", "value does not look like a valid VM ID"),
    "dns-name": _regex(rf"{LABEL}(?:\.{LABEL})*", "value does not look like a valid DNS name"),
    "pve-tag": _regex(r"(?i:[a-z0-9_][a-z0-9_\-+.]*)", "invalid characters in tag"),
    "pve-storage-id": _regex(r"(?i:[a-z][a-z0-9\-_.]*[a-z0-9])", "storage ID contains illegal characters"),
    "pve-configid": _regex(r"(?i:[a-z][a-z0-9_-]+)", "invalid configuration ID"),
    "pve-startup-order": _regex(r"(?:(?:order=)?\d+|up=\d+|down=\d+)(?:,(?:order=\d+|up=\d+|down=\d+))*",
                                "unable to parse startup options"),
    "size": _regex(r"\d+(?:\.\d+)?[KMGT]?", "value does not look like a valid size"),
    "ip": _address,
    "ipv4": lambda value: _address(value, 4),
    "ipv6": lambda value: _address(value, 6),
    "ipv4-config": _network(4, ("dhcp", "manual"), 8, 32),
    "ipv6-config": _network(6, ("dhcp", "manual", "auto"), 8, 128),
    "timezone": _timezone,
    "content": _content,
    "mac": _mac,
}
