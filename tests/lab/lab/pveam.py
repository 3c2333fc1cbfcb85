"""`pveam`: the index of templates, their download from the lab's mirror (a directory of the cache, see template.sh) and what
a storage has. Never builds a template."""
import hashlib
import os
import shutil
import sys

from . import command, host, storage, tasks, volumes
from .command import Command
from .errors import BadParameters, Die
from .options import STORAGE, text

STORE = {"storage": {**STORAGE, "required": True}}


def index():
    """The known templates as {name: (section, sha512)}; the mirror's index has them as lines of `section name sha512`."""
    try:
        with open(f"{host.INDEX}/index", encoding="utf-8") as file:
            rows = [line.split() for line in file if line.strip()]
    except FileNotFoundError:
        return {}
    return {name: (section, digest) for section, name, digest in rows}


def update(_values):
    """`pveam update`: ends with 0 whatever happens."""
    os.makedirs(host.INDEX, exist_ok=True)
    try:
        shutil.copyfile(f"{host.MIRROR}/index", f"{host.INDEX}/index")
        print("update successful")
    except OSError:
        print("update failed - see /var/log/pveam.log for details", file=sys.stderr)


def available(values):
    """`pveam available`: names sorted as strings; release 9 has a third column."""
    for name, (section, _) in sorted(index().items()):
        if values.get("section", section) == section:
            architecture = name.partition(".tar")[0].rpartition("_")[2]
            print(f"{section:<15} {name:<60} {architecture}" if host.MAJOR >= 9 else f"{section:<15} {name}")


def download(values):
    """`pveam download`: what fails after the first checks does not fail the call."""
    name = values["template"]
    if name not in index():
        raise BadParameters({"template": "no such template"})
    store = storage.usable(values["storage"])
    if "vztmpl" not in store.content:
        raise Die(f"storage '{store.name}' does not support templates")
    target = f"{store.path}/template/cache/{name}"
    tasks.run_lenient("download", name, lambda: _fetch(name, target, index()[name][1]))


def _fetch(name, target, digest):
    source = f"{host.MIRROR}/{name}"
    print(f"downloading file://{source} to {target}", flush=True)
    if os.path.exists(target):
        print("calculating checksum of existing file...", end="", flush=True)
        if _sha512(target) != digest:
            raise Die(f"checksum mismatch: got '{_sha512(target)}' != expect '{digest}', aborting")
        print("OK, got correct file already, no need to download", flush=True)
        return
    part = f"{target}.tmp_dwnl.{os.getpid()}"
    try:
        _copy(source, part, digest)
        os.rename(part, target)
    finally:
        if os.path.exists(part):
            os.unlink(part)
    print(f"download of 'file://{source}' to '{target}' finished", flush=True)


def _copy(source, part, digest):
    try:
        shutil.copyfile(source, part)
    except FileNotFoundError:
        print("ERROR 404: Not Found.", flush=True)
        raise Die("download failed: exit code 8") from None
    print("calculating checksum...", end="", flush=True)
    got = _sha512(part)
    if got != digest:
        print(flush=True)
        raise Die(f"checksum mismatch: got '{got}' != expect '{digest}'")
    print("OK, checksum verified", flush=True)


def _sha512(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()


def listing(values):
    """`pveam list`."""
    store = storage.usable(values["storage"])
    if "vztmpl" not in store.content:
        raise Die("Storage does not support templates!")
    print("%-60s %-6s" % ("NAME", "SIZE"))
    for entry in volumes.listed(store, "vztmpl"):
        print("%-60s %-4.2fMB" % (entry["volid"], entry["size"] / (1 << 20)))


def remove(values):
    """`pveam remove`."""
    file = volumes.path(values["template_path"])
    if not os.path.exists(file):
        raise Die(f"volume '{values['template_path']}' does not exist", 2)
    os.unlink(file)


COMMANDS = [
    [Command("available", "", {"section": text(enum=("system", "mail", "turnkeylinux"))}, available),
     Command("download", "storage template", {**STORE, "template": text(maxLength=255)}, download),
     Command("list", "storage", STORE, listing),
     Command("remove", "template_path", {"template_path": text()}, remove),
     Command("update", "", {}, update)],
]


def main(args):
    """Runs one call of `pveam`."""
    return command.main("pveam", COMMANDS, args)
