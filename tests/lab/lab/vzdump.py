"""`vzdump`: backups of containers as archives on a storage, in the form `pct restore` reads. Never stops what it was not asked to
stop, and never removes an older backup."""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

from . import command, config, getopt, host, image, lifecycle, marks, schema, snapshot, storage, tasks, volumes
from .errors import BadCall, BadParameters, Die
from .options import STORAGE, boolean, text

USAGE = "vzdump [<vmid>] [OPTIONS]"
OPTIONS = {"compress": text(enum=("0", "1", "gzip", "lzo", "zstd")), "dumpdir": text(), "mode": text(enum=("snapshot", "suspend", "stop")),
           "notes-template": text(), "protected": boolean(), "quiet": boolean(), "remove": boolean(), "storage": STORAGE}
PACKERS = {"zstd": ("zstd", ".zst"), "gzip": ("gzip", ".gz"), "1": ("lzop", ".lzo"), "lzo": ("lzop", ".lzo")}


def main(args):
    """Runs one call of `vzdump`."""
    return command.call("vzdump", args, lambda: _answer(args))


def _answer(args):
    try:
        values = schema.verify(getopt.parse(args, ["extra-args"], OPTIONS), {**command.POSITIONAL, **OPTIONS})
        return _dump_all(values)
    except BadCall as error:
        print(f"400 {error}\n{USAGE}", file=sys.stderr)
    except BadParameters as error:
        print(f"{command.refusal(error)}{USAGE}", file=sys.stderr)
    except Die as error:
        print(error, file=sys.stderr)
    return 255


def _dump_all(values):
    if not values["extra-args"]:
        raise BadParameters({"vmid": schema.MISSING})
    ids = [int(word) for word in values["extra-args"] if word.isdigit()]
    known = config.cluster_ids()
    mine = [vmid for vmid in ids if known.get(vmid, (host.NODE,))[0] == host.NODE]
    if not mine:
        return 0
    directory = values.get("dumpdir") or _directory(values.get("storage", "local"))
    tasks.run("vzdump", mine[0] if len(mine) == 1 else "", lambda: _work(mine, values, directory))
    return 0


def _directory(name):
    store = storage.usable(name)
    if "backup" not in store.content:
        raise Die(f"storage '{name}' does not support backups")
    return f"{store.path}/dump"


def _work(ids, values, directory):
    print("INFO: starting new backup job: vzdump " + " ".join(map(str, ids)), flush=True)
    failed = False
    for vmid in ids:
        try:
            _dump(vmid, values, directory)
        except (Die, OSError) as error:
            print(f"ERROR: Backup of VM {vmid} failed - {error}", flush=True)
            failed = True
    if failed:
        raise Die("job errors")
    print("INFO: Backup job finished successfully", flush=True)


def _dump(vmid, values, directory):
    begun = time.time()
    print(f"INFO: Starting Backup of VM {vmid} (lxc)", flush=True)
    with marks.put(vmid, "backup") as found:
        running = lifecycle.running(vmid)
    try:
        print(f"INFO: status = {'running' if running else 'stopped'}\nINFO: CT Name: {found.now.get('hostname')}", flush=True)
        if running and values.get("mode") == "stop":
            print("INFO: stopping virtual guest", flush=True)
            lifecycle.kill(vmid)
        _archive(found, values, directory)
        if running and values.get("mode") == "stop":
            print("INFO: restarting vm", flush=True)
            marks.lift(vmid)
            lifecycle.start_now(vmid)
    finally:
        marks.lift(vmid)
    print(f"INFO: Finished Backup of VM {vmid} ({time.strftime('%H:%M:%S', time.gmtime(time.time() - begun))})", flush=True)


def _archive(found, values, directory):
    packer, ending = PACKERS.get(values.get("compress", "0"), ("cat", ""))
    stamp = time.strftime("%Y_%m_%d-%H_%M_%S")
    target = f"{directory}/vzdump-lxc-{found.vmid}-{stamp}.tar{ending}"
    print(f"INFO: backup mode: {values.get('mode', 'snapshot')}\nINFO: creating vzdump archive '{target}'", flush=True)
    with _still(found, directory) as root, tempfile.TemporaryDirectory(dir=directory) as scratch, open(f"{target}.dat", "wb") as archive:
        _write_conf(found, scratch)
        _pack(root, scratch, bool(found.now.get("unprivileged")), packer, archive)
    os.rename(f"{target}.dat", target)
    print(f"INFO: archive file size: {os.stat(target).st_size >> 20}MB", flush=True)


def _write_conf(found, scratch):
    os.chmod(scratch, 0o755)
    os.makedirs(f"{scratch}/etc/vzdump")
    kept = config.Config(found.vmid, {key: value for key, value in found.now.items() if key not in ("lock", "parent")})
    with open(f"{scratch}/etc/vzdump/pct.conf", "w", encoding="utf-8") as file:
        file.write(config.render(kept))


@contextlib.contextmanager
def _still(found, directory):
    """The container's files at one moment: those of a stopped one, or a copy made while a running one is frozen."""
    disk = volumes.path(snapshot.disk_of(found))
    if not lifecycle.running(found.vmid):
        with image.mounted(disk, host.rootfs(found.vmid)) as root:
            yield root
        return
    scratch = tempfile.mkdtemp(dir=directory)
    try:
        with snapshot.frozen(found.vmid):
            volumes.copy(disk, f"{scratch}/disk")
        os.chmod(scratch, 0o755)
        with image.mounted(f"{scratch}/disk", f"{scratch}/root") as root:
            yield root
    finally:
        shutil.rmtree(scratch)


def _pack(root, scratch, unprivileged, packer, archive):
    tar = ["tar", "cpf", "-", "--totals", "--sparse", "--numeric-owner", "--acls", "--xattrs", "--one-file-system", "-C", scratch,
           "./etc/vzdump/pct.conf", "-C", root, "--exclude=./lost+found", "."]
    argv = ["lxc-usernsexec", *image.IDMAP, "--", *tar] if unprivileged else tar
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as source:
        packed = subprocess.run([packer], stdin=source.stdout, stdout=archive, check=False)
    if source.returncode or packed.returncode:
        raise Die(f"command '{' '.join(tar)}' failed: exit code {source.returncode or packed.returncode}")
