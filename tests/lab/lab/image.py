"""Container disks: ext4 images filled from a template archive. The filled image of each template is kept in the cache, so
that a create copies it instead of unpacking thousands of files. Never touches a container's configuration."""
import contextlib
import fcntl
import hashlib
import os
import re
import subprocess

from . import host
from .errors import Die

IDMAP = ["-m", "u:0:100000:65536", "-m", "g:0:100000:65536"]
FIRST_ID = 100000
BASE_SIZE = 1 << 30


def make_filesystem(file, owner):
    """Puts an empty ext4 file system whose root belongs to `owner` on an image and says what mke2fs says."""
    _say(_run("mkfs.ext4", "-F", "-E", f"root_owner={owner}:{owner},nodiscard", file, failure=f"mkfs.ext4 on '{file}' failed"))


def _say(text):
    """Passes on the three facts Proxmox's users see of mke2fs's report."""
    found = re.search(r"(Creating filesystem with .*)\n(Filesystem UUID: .*)\n(Superblock backups stored on blocks: \n(?:\t.*\n)+)", text)
    print("\n".join(found.groups()) if found else text, end="", flush=True)


def _run(*argv, failure, stdin=subprocess.DEVNULL):
    done = subprocess.run(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Die(f"{failure}: {done.stdout.strip()}")
    return done.stdout


@contextlib.contextmanager
def mounted(file, directory):
    """The image at `directory` for the time of a `with` block. A killed process leaves the mount behind, as on a real node."""
    os.makedirs(directory, exist_ok=True)
    mount(file, directory)
    try:
        yield directory
    finally:
        _run("umount", directory, failure=f"unmounting '{directory}' failed")


def mount(file, directory):
    """Mounts an image."""
    _run("mount", "-o", "loop", file, directory, failure=f"mounting '{file}' failed")


@contextlib.contextmanager
def filled(file, archive, size, unprivileged, directory, keep=True):
    """The image `file` with `archive` unpacked into it, mounted at `directory` for a `with` block; an archive used again and
    again is kept unpacked. Raises Die as tar fails."""
    print(f"extracting archive '{archive}'", flush=True)
    room = os.statvfs(os.path.dirname(file))
    # A disk too small for the kept image is unpacked, and so is one on a nearly full storage, to fail as the real thing does.
    copy = keep and size >= BASE_SIZE and room.f_bavail * room.f_frsize > BASE_SIZE
    totals = _copy_base(file, archive, size, unprivileged) if copy else None
    with mounted(file, directory):
        print(totals or _unpack(archive, directory, unprivileged), flush=True)
        yield


def renew(file):
    """Gives a copied image an identity of its own."""
    repair(file)
    _run("tune2fs", "-f", "-U", "random", file, failure=f"tuning '{file}' failed")


def repair(file):
    """Checks an image and mends what a copy of a mounted one needs; tune2fs takes only what was checked after its last mount."""
    done = subprocess.run(["e2fsck", "-fp", file], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode > 1:
        raise Die(f"checking '{file}' failed: {done.stdout.strip()}")


def _unpack(archive, directory, unprivileged):
    """Returns tar's line of totals."""
    tar = ["tar", "xpf", "-", *_decompressor(archive), "--totals", "--numeric-owner", "--xattrs", "-C", directory,
           "--skip-old-files", "--anchored", "--exclude", "./dev/*"]
    argv = ["lxc-usernsexec", *IDMAP, "--", *tar] if unprivileged else tar
    with open(archive, "rb") as stdin:
        done = subprocess.run(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        print(done.stdout, end="", flush=True)
        raise Die(f"command '{' '.join(argv)}' failed: exit code {done.returncode}")
    return done.stdout.strip()


def _decompressor(archive):
    options = {"zst": ["--zstd"], "gz": ["-z"], "tgz": ["-z"], "xz": ["-J"], "txz": ["-J"], "bz2": ["-j"]}
    return options.get(archive.rpartition(".")[2], [])


def _copy_base(file, archive, size, unprivileged):
    """Copies the filled image of the template over the new one and grows it; the new one keeps its identity."""
    base, totals = base_image(archive, unprivileged)
    found = re.search(r"Filesystem UUID:\s+(\S+)", _run("dumpe2fs", "-h", file, failure="dumpe2fs failed"))
    _run("cp", "--sparse=always", "--reflink=auto", base, file, failure=f"writing '{file}' failed")
    os.truncate(file, size)
    _run("resize2fs", "-f", file, failure=f"resizing '{file}' failed")
    _run("tune2fs", "-f", "-U", found[1], file, failure=f"tuning '{file}' failed")
    return totals


def base_image(archive, unprivileged):
    """(image, tar's totals) of a template, made when it is asked for the first time."""
    stat = os.stat(archive)
    key = hashlib.sha256(f"{archive} {stat.st_size} {stat.st_mtime_ns} {unprivileged}".encode()).hexdigest()[:16]
    directory = f"{host.CACHE}/images"
    os.makedirs(directory, exist_ok=True)
    base, note = f"{directory}/{key}.raw", f"{directory}/{key}.totals"
    with open(f"{directory}/{key}.lock", "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(note):
            _make_base(base, note, archive, unprivileged)
    with open(note, encoding="utf-8") as totals:
        return base, totals.read()


def _make_base(base, note, archive, unprivileged):
    """Works under names of its own, so that what a killed attempt left, mount included, is in nobody's way."""
    part, directory = f"{base}.{os.getpid()}", f"{base}.{os.getpid()}.mnt"
    owner = FIRST_ID if unprivileged else 0
    try:
        with open(part, "wb") as image:
            image.truncate(BASE_SIZE)
        _run("mkfs.ext4", "-F", "-E", f"root_owner={owner}:{owner}", part, failure="mkfs.ext4 failed")
        with mounted(part, directory):
            totals = _unpack(archive, directory, unprivileged)
        repair(part)
        os.rename(part, base)
    finally:
        for remove, path in ((os.unlink, part), (os.rmdir, directory)):
            with contextlib.suppress(FileNotFoundError):
                remove(path)
    with open(f"{note}.part", "w", encoding="utf-8") as file:
        file.write(totals)
    os.rename(file.name, note)
