"""`pct exec`, `push` and `pull`: the ways into a running container. Never waits for it to be ready."""
import contextlib
import os
import re
import socket
import subprocess
import sys
import time

from . import command, config, lifecycle, locks, tasks
from .errors import Die

STARTED = time.monotonic()
# What pct's own Perl removes from the environment it hands on.
DROPPED = ("SSL_CERT_FILE", "SSL_CERT_DIR")
WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def execute(values):
    """Becomes lxc-attach: its exit status, streams, environment and signals are the call's own."""
    words = values["extra-args"]
    _check_running(values["vmid"])
    if not words:
        raise Die("missing command at /usr/share/perl5/PVE/CLI/pct.pm line 137.")
    _attach(values, ["--", *words])


def enter(values):
    """`pct enter`: becomes a shell in the container."""
    _check_running(values["vmid"])
    _attach(values, [])


def _check_running(vmid):
    config.load(vmid)
    if not lifecycle.running(vmid):
        raise Die(f"container '{vmid}' not running!")


def _attach(values, words):
    keep = "--keep-env" if values.get("keep-env", 1) else "--clear-env"
    environment = {key: value for key, value in os.environ.items() if key not in DROPPED}
    command.log_call("pct", sys.argv[1:], STARTED, None)
    os.execvpe("lxc-attach", ["lxc-attach", "-n", str(values["vmid"]), keep, *words], environment)


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
    vmid, target = values["vmid"], values["destination"]
    try:
        source = os.open(values["file"], os.O_RDONLY)
    except OSError:
        raise Die(f"failed to open {values['file']} for reading") from None
    mode, base = _mode(values.get("perms")), os.stat(f"/proc/{init_pid(vmid)}/root").st_uid
    user, group = (_ident(table, values.get(name), lambda path: _inside(vmid, path, os.O_RDONLY, "failed to open"))
                   for table, name in (("/etc/passwd", "user"), ("/etc/group", "group")))
    _write(source, _inside(vmid, target, WRITE, "failed to create file:"), mode, user, group, base)


def _pull_now(values):
    source = _inside(values["vmid"], values["path"], os.O_RDONLY, "failed to open")
    mode = _mode(values.get("perms"))
    user, group = (_ident(table, values.get(name), lambda path: os.open(path, os.O_RDONLY))
                   for table, name in (("/etc/passwd", "user"), ("/etc/group", "group")))
    try:
        target = os.open(values["destination"], WRITE, 0o666)
    except OSError as error:
        raise Die(f"failed to create file: {values['destination']}: {error.strerror}") from None
    _write(source, target, mode, user, group, 0)


def _write(source, target, mode, user, group, base):
    """Copies all bytes, then sets owner and mode; a directory as source has no bytes, and nobody is told."""
    with contextlib.suppress(IsADirectoryError):
        while block := os.read(source, 1 << 20):
            while block:
                block = block[os.write(target, block):]
    os.fchown(target, -1 if user is None else base + user, -1 if group is None else base + group)
    if mode is not None:
        os.fchmod(target, mode)


def _mode(perms):
    if perms is None:
        return None
    if re.fullmatch(r"0x[0-9a-fA-F]+", perms):
        return int(perms, 16)
    if not re.fullmatch(r"[0-7]+", perms):
        raise Die(f"invalid mode: '0{perms}'")
    return int(perms, 8)


def _ident(table, name, opened):
    """A number, or the number of a name in a table of users or groups."""
    if name is None or name.isdigit():
        return None if name is None else int(name)
    with os.fdopen(opened(table), encoding="utf-8") as file:
        for line in file:
            fields = line.split(":")
            if fields[0] == name:
                return int(fields[2])
    raise Die(f"failed to get {'uid' if table == '/etc/passwd' else 'gid'} for: {name}")


def init_pid(vmid):
    """The container's init as the host numbers it."""
    done = subprocess.run(["lxc-info", "-n", str(vmid), "-p", "-H"], stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout.strip():
        raise Die(f"{vmid} doesn't exist")
    return int(done.stdout)


def _inside(vmid, path, flags, failure):
    """Opens a file as the container's root in the container's file system, where no link can lead out; returns the descriptor."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            _go_inside(vmid)
            socket.send_fds(theirs, [b"-"], [os.open(path, flags, 0o666)])
        except OSError as error:
            theirs.send(f"{failure} {path}: {error.strerror}".encode())
        os._exit(0)
    theirs.close()
    said, opened, _, _ = socket.recv_fds(ours, 4096, 1)
    os.waitpid(child, 0)
    if not opened:
        raise Die(said.decode() or f"container '{vmid}' not running!")
    return opened[0]


def _go_inside(vmid):
    """Takes on the container's root directory and root user, whichever number that is on the host."""
    root = f"/proc/{init_pid(vmid)}/root"
    owner = os.stat(root)
    os.chroot(root)
    os.chdir("/")
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
