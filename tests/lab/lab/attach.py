"""`pct exec`, `push` and `pull`: the ways into a running container. Never waits for it to be ready."""
import os
import re
import shutil
import subprocess
import sys
import time

from . import command, config, lifecycle, locks, tasks
from .errors import Die

STARTED = time.monotonic()
# What pct's own Perl removes from the environment it hands on.
DROPPED = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def execute(values):
    """Becomes lxc-attach: its exit status, streams, environment and signals are the call's own."""
    vmid, words = values["vmid"], values["extra-args"]
    config.load(vmid)
    if not lifecycle.running(vmid):
        raise Die(f"container '{vmid}' not running!")
    if not words:
        raise Die("missing command at /usr/share/perl5/PVE/CLI/pct.pm line 137.")
    keep = "--keep-env" if values.get("keep-env", 1) else "--clear-env"
    environment = {key: value for key, value in os.environ.items() if key not in DROPPED}
    command.log_call("pct", ["exec", str(vmid), "--", *words], STARTED, None)
    os.execvpe("lxc-attach", ["lxc-attach", "-n", str(vmid), keep, "--", *words], environment)


def enter(values):
    """A shell in the container."""
    execute({"vmid": values["vmid"], "extra-args": ["/bin/sh", "-c", "exec \"$(command -v bash || echo sh)\""]})


def push(values):
    """`pct push`; only early checks can fail the call."""
    if not lifecycle.running(values["vmid"]):
        raise Die("can only push files to a running CT")
    tasks.run_lenient("push_file", values["vmid"], lambda: _locked(values, _push_now))


def pull(values):
    """`pct pull`; only early checks can fail the call."""
    if not lifecycle.running(values["vmid"]):
        raise Die("can only pull files from a running VM at /usr/share/perl5/PVE/CLI/pct.pm line 620.")
    tasks.run_lenient("pull_file", values["vmid"], lambda: _locked(values, _pull_now))


def _locked(values, body):
    with locks.guest(values["vmid"]):
        body(values)


def _push_now(values):
    try:
        source = open(values["file"], "rb")
    except OSError:
        raise Die(f"failed to open {values['file']} for reading") from None
    with source:
        mode = _mode(values.get("perms"))
        _in_guest(values["vmid"], lambda: _write_file(source, values["destination"], values, mode))


def _pull_now(values):
    mode = _mode(values.get("perms"))
    read, write = os.pipe()
    with os.fdopen(read, "rb") as source:
        reader = _Reader(values["vmid"], values["path"], write)
        os.close(write)
        reader.check()
        _write_file(source, values["destination"], values, mode)


class _Reader:
    """A child that copies one file of the container into a pipe."""

    def __init__(self, vmid, path, pipe):
        self.verdict, said = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            self._copy(vmid, path, pipe, said)
        os.close(said)

    @staticmethod
    def _copy(vmid, path, pipe, said):
        try:
            _go_inside(vmid)
            with open(os.open(path, os.O_RDONLY), "rb", closefd=True) as file:
                os.close(said)
                shutil.copyfileobj(file, open(pipe, "wb"))
        except IsADirectoryError:
            pass
        except OSError as error:
            os.write(said, f"failed to open {path}: {error.strerror}".encode())
        os._exit(0)

    def check(self):
        """Raises Die if the file could not be opened."""
        with os.fdopen(self.verdict, "rb") as pipe:
            error = pipe.read().decode()
        if error:
            raise Die(error)


def _mode(perms):
    if perms is None:
        return None
    if re.fullmatch(r"0x[0-9a-fA-F]+", perms):
        return int(perms, 16)
    if not re.fullmatch(r"[0-7]+", perms):
        raise Die(f"invalid mode: '0{perms}'")
    return int(perms, 8)


def _in_guest(vmid, body):
    """Runs `body()` in a child inside the container's file system; raises Die with its error."""
    verdict, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(verdict)
        try:
            _go_inside(vmid)
            body()
        except (Die, OSError) as error:
            os.write(said, str(error).encode())
        os._exit(0)
    os.close(said)
    with os.fdopen(verdict, "rb") as pipe:
        error = pipe.read().decode()
    os.waitpid(child, 0)
    if error:
        raise Die(error)


def init_pid(vmid):
    """The container's init as the host numbers it."""
    done = subprocess.run(["lxc-info", "-n", str(vmid), "-p", "-H"], stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout.strip():
        raise Die(f"{vmid} doesn't exist")
    return int(done.stdout)


def _go_inside(vmid):
    """Takes on the container's root directory and root user, whichever number that is on the host."""
    root = f"/proc/{init_pid(vmid)}/root"
    owner = os.stat(root)
    os.chroot(root)
    os.chdir("/")
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)


def _write_file(source, path, values, mode):
    """Copies into a new or truncated file; a directory as source gives an empty file and no message, as seen."""
    base = os.geteuid()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    except OSError as error:
        raise Die(f"failed to create file: {path}: {error.strerror}") from None
    with open(descriptor, "wb") as target:
        _own(target.fileno(), base, values)
        if mode is not None:
            os.fchmod(target.fileno(), mode)
        try:
            shutil.copyfileobj(source, target, 1 << 20)
        except IsADirectoryError:
            pass


def _own(descriptor, base, values):
    user = _ident("/etc/passwd", values.get("user"), "uid")
    group = _ident("/etc/group", values.get("group"), "gid")
    if user is None and group is None:
        return
    os.seteuid(0)
    os.fchown(descriptor, -1 if user is None else base + user, -1 if group is None else base + group)
    os.seteuid(base)


def _ident(table, name, what):
    """A number, or the number of a name in the table of the current root directory."""
    if name is None or name.isdigit():
        return None if name is None else int(name)
    with open(table, encoding="utf-8") as file:
        for line in file:
            fields = line.split(":")
            if fields[0] == name:
                return int(fields[2])
    raise Die(f"failed to get {what} for: {name}")
