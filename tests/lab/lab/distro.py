"""What a create finds out about the system it has just unpacked: architecture, distribution, whether this release knows it. Never
changes a file of it."""
import glob
import os
import re

from . import host, options
from .errors import Die

# The first systemd whose services want to mount things themselves.
SANDBOXING_SYSTEMD = 242


def detect(new, root):
    """Completes a new configuration; raises Die for a Debian newer than this release's packages know."""
    print("Detected container architecture: amd64", flush=True)
    new.now.setdefault("arch", "amd64")
    new.now.setdefault("ostype", _distribution(root))
    if new.now["ostype"] == "debian":
        _check_debian(_text(f"{root}/etc/debian_version").strip())
    _warn(new, root)


def _text(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _distribution(root):
    found = re.search(r"^ID=\"?(\w+)", _text(f"{root}/etc/os-release"), re.M)
    return found[1] if found and found[1] in options.OSTYPES else "unmanaged"


def _package():
    """The version of pve-container, as numbers."""
    return tuple(int(part) for part in re.findall(r"\d+", host.PACKAGES["pve-container"]))


def _check_debian(version):
    """Debian 13 is known from 5.3.1 on in release 8, and from 6.0.10 on in release 9."""
    known = 13 if _package() >= ((6, 0, 10) if host.MAJOR >= 9 else (5, 3, 1)) else 12
    major = re.match(r"\d+", version)
    if major and int(major[0]) > known:
        raise Die(f"unsupported debian version '{version}'")


def _warn(new, root):
    """A warning that does not fail the call, of pve-container 6.0.19 and later."""
    libraries = [os.path.basename(path) for path in glob.glob(f"{root}/usr/lib/**/libsystemd-shared-*.so", recursive=True)]
    systemd = max([int(number) for name in libraries for number in re.findall(r"shared-(\d+)", name)], default=0)
    nested = "nesting=1" in new.now.get("features", "")
    if _package() >= (6, 0, 19) and new.now.get("unprivileged") and not nested and systemd >= SANDBOXING_SYSTEMD:
        print(f"WARN: Systemd {systemd} detected. You may need to enable nesting.", flush=True)
