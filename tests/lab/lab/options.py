"""The options of a container as `pct create` and `pct set` take them, as data. Limits are those of pve-container 5.3.5."""
from . import host


def boolean():
    """A switch with optional value."""
    return {"type": "boolean"}


def integer(minimum=None, maximum=None):
    """A whole number within limits."""
    limits = {"minimum": minimum, "maximum": maximum}
    return {"type": "integer", **{key: limit for key, limit in limits.items() if limit is not None}}


def text(**rules):
    """A string; `rules` are those of `schema`: format, enum, pattern, minLength, maxLength, list."""
    return {"type": "string", **rules}


def properties(default_key=None, **fields):
    """A property string; trailing underscores of field names are dropped and `__` stands for a dash."""
    spec = {"type": "string", "properties": {key.rstrip("_").replace("__", "-"): rule for key, rule in fields.items()}}
    if default_key:
        spec["default_key"] = default_key
    return spec


VMID = {"type": "integer", "format": "pve-vmid", "maximum": 999999999, "required": True}
STORAGE = text(format="pve-storage-id")

NET = properties(
    name={**text(pattern=r"[-_.A-Za-z0-9]+"), "required": True}, bridge=text(pattern=r"[-_.\w\d]+"), hwaddr=text(format="mac"),
    ip=text(format="ipv4-config"), gw=text(format="ipv4"), ip6=text(format="ipv6-config"), gw6=text(format="ipv6"),
    firewall=boolean(), link_down=boolean(), tag=integer(1, 4094), trunks=text(pattern=r"\d+(?:;\d+)*"),
    mtu=integer(64, 65535), rate={"type": "number", "minimum": 0}, type_=text(enum=("veth",)))
VOLUME = {"acl": boolean(), "mountoptions": text(), "quota": boolean(), "replicate": boolean(), "ro": boolean(),
          "shared": boolean(), "size": text(format="size"), "volume": {**text(), "required": True}}
ROOTFS = properties("volume", **VOLUME)
MOUNTPOINT = properties("volume", backup=boolean(), mp={**text(pattern=r"/.*"), "required": True}, **VOLUME)
FEATURES = properties(force_rw_sys=boolean(), fuse=boolean(), keyctl=boolean(), mknod=boolean(), nesting=boolean(),
                      mount=text(pattern=r"[a-zA-Z0-9_; ]+"))
OSTYPES = ("debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo", "nixos", "unmanaged")

# Everything that ends up as a key of the configuration file.
CONFIG = {
    "arch": text(enum=("amd64", "i386", "arm64", "armhf", "riscv32", "riscv64")),
    "cmode": text(enum=("shell", "console", "tty")), "console": boolean(), "cores": integer(1, 8192),
    "cpulimit": {"type": "number", "minimum": 0, "maximum": 8192}, "cpuunits": integer(0, 500000), "debug": boolean(),
    "description": text(maxLength=8192), "features": FEATURES, "hookscript": text(), "hostname": text(format="dns-name", maxLength=255),
    "memory": integer(16), "nameserver": text(format="ip", list=True), "onboot": boolean(), "ostype": text(enum=OSTYPES),
    "protection": boolean(), "rootfs": ROOTFS, "searchdomain": text(format="dns-name", list=True),
    "startup": text(format="pve-startup-order"), "swap": integer(0), "tags": text(format="pve-tag", list=True),
    "template": boolean(), "timezone": text(format="timezone"), "tty": integer(0, 6), "unprivileged": boolean(),
    **{f"net{n}": NET for n in range(32)}, **{f"mp{n}": MOUNTPOINT for n in range(256)},
}
if host.MAJOR >= 8:
    DEVICE = properties("path", path=text(pattern=r"/dev/.*"), deny__write=boolean(), gid=integer(0), mode=text(pattern=r"0[0-7]{3}"),
                        uid=integer(0))
    CONFIG.update({f"dev{n}": DEVICE for n in range(256)})
if host.MAJOR >= 9:
    CONFIG.update(entrypoint=text(maxLength=1024), env=text(maxLength=4096))
# `unusedN` is a key of the file that no option may set, yet it takes part in abbreviations.
UNUSED = {f"unused{n}": properties("volume", volume={**text(), "required": True}) for n in range(256)}

CREATE = {
    **CONFIG, **UNUSED, "bwlimit": {"type": "number", "minimum": 0}, "force": boolean(), "ignore-unpack-errors": boolean(),
    "password": text(minLength=5), "pool": text(format="pve-configid"), "restore": boolean(), "ssh-public-keys": text(),
    "start": boolean(), "storage": STORAGE, "unique": boolean(),
}
if host.MAJOR >= 9:
    CREATE["ha-managed"] = boolean()
SET = {**CONFIG, **UNUSED, "delete": text(list=True), "digest": text(maxLength=40), "revert": text(list=True)}
