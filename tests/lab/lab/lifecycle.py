"""start, stop, shutdown, reboot of a container, with Proxmox's order of checks. Never edits what a user set."""
import contextlib
import os
import re
import subprocess
import time

from . import cgroups, cluster, config, fault, host, links, locks, lxcconf, netstring, tasks
from .errors import Die


def running(vmid):
    """Whether LXC has the container, also while it starts or stops: its command socket answers."""
    name = f"@{host.LXC}/{vmid}/command"
    with open("/proc/net/unix", encoding="utf-8") as sockets:
        return any(line.rstrip("\n").endswith(f" {name}") for line in sockets)


def start(values):
    """`pct start`."""
    vmid = values["vmid"]
    refuse_running(vmid)
    cluster.check_quorum()
    tasks.run("vzstart", vmid, lambda: start_now(vmid, values.get("skiplock"), values.get("debug")))


def refuse_running(vmid):
    """Raises Die if the container runs."""
    if running(vmid):
        raise Die(f"CT {vmid} already running")


def refuse_stopped(vmid, what="CT"):
    """Raises Die if the container does not run, or does not exist."""
    if not running(vmid):
        raise Die(f"{what} {vmid} not running")


def start_now(vmid, skiplock=False, debug=False, report=False):
    """Starts a container inside a task; with `report` a failure is also part of the output."""
    try:
        with locks.guest(vmid):
            found = config.load(vmid, 255)
            if not skiplock:
                found.check_lock("mounted")
            if found.now.get("template"):
                raise Die("you can't start a CT if it's a template")
            apply_pending(found)
            _check_bridges(found)
            lxcconf.write(found)
            cgroups.sweep(vmid)
            _spawn(vmid, debug)
            links.connect_late(found)
            fault.midway()
    except Die as error:
        if report:
            print(error, flush=True)
        raise


def _check_bridges(found):
    """Release 7 does not look; there LXC's own script fails, and its words do not say why."""
    for _, net in netstring.nets(found.now):
        try:
            netstring.check_bridge(net)
        except Die:
            if host.MAJOR >= 8:
                raise
            print("run_buffer: 321 Script exited with status 2", flush=True)
            print(f'__lxc_start: 2027 Failed to initialize container "{found.vmid}"', flush=True)
            raise Die(f"startup for container '{found.vmid}' failed") from None


def apply_pending(found):
    """Puts pending values into force."""
    if found.pending:
        found.now, found.pending = found.effective(), {}
        config.save(found)


def _spawn(vmid, debug):
    """Runs lxc-start and returns when init has been spawned, which is long before the guest has booted."""
    log = f"{host.RUN}/ct-{vmid}.stderr"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(log)
    argv = ["lxc-start", "-n", str(vmid), "-d", "-o", log, "-l", "DEBUG" if debug else "ERROR"]
    with open(os.devnull, "r+b") as null:
        done = subprocess.run(argv, stdin=null, stdout=null, stderr=null, env=_clean_environment(), check=False)
    if done.returncode:
        print(_trimmed(log), end="", flush=True)
        raise Die(f"startup for container '{vmid}' failed")


def _clean_environment():
    """A container's monitor is a child of init on a real node: nothing of the caller reaches it."""
    return {"PATH": os.environ["PATH"]}


def _trimmed(log):
    """LXC's error lines in the form Proxmox prints them: function, line, sentence. Those of the daemon's parent are left out,
    as Proxmox starts containers in the foreground of a systemd unit."""
    with contextlib.suppress(FileNotFoundError), open(log, encoding="utf-8", errors="replace") as file:
        found = re.findall(r" - \S+:(\w+):(\d+) - (.*)", file.read())
        return "".join(f"{name}: {line} {text}\n" for name, line, text in found if name not in ("main", "wait_on_daemonized_start"))
    return ""


def stop(values):
    """`pct stop`: kills everything, returns when it is gone."""
    vmid = values["vmid"]
    refuse_stopped(vmid)
    tasks.run("vzstop", vmid, lambda: stop_now(vmid, values.get("skiplock")))


def stop_now(vmid, skiplock=False):
    """Stops a container inside a task."""
    with locks.guest(vmid):
        if not skiplock:
            config.load(vmid, 255).check_lock("mounted")
        kill(vmid)
        fault.midway()


def kill(vmid):
    """Ends all processes of a container and waits for its monitor, hooks included."""
    subprocess.run(["lxc-stop", "-n", str(vmid), "--kill"], stdin=subprocess.DEVNULL, check=False)
    if not _gone(vmid, 60):
        raise Die("container did not stop")


def _gone(vmid, seconds):
    until = time.monotonic() + seconds
    while running(vmid):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def shutdown(values):
    """`pct shutdown`: asks init to halt."""
    vmid = values["vmid"]
    refuse_stopped(vmid)
    tasks.run("vzshutdown", vmid, lambda: shutdown_now(vmid, values.get("timeout", 60), values.get("forceStop")))


def shutdown_now(vmid, timeout, force):
    """Shuts a container down inside a task; without `force` a guest that does not obey is waited for once more, then left."""
    with locks.guest(vmid):
        config.load(vmid, 255).check_lock("mounted")
        _halt(vmid, timeout, force)


def _halt(vmid, timeout, force):
    argv = ["lxc-stop", "-n", str(vmid), "--nokill", "--timeout", str(timeout)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 0 and _gone(vmid, 10):
        return
    if force:
        kill(vmid)
        return
    print(f"command '{' '.join(argv)}' failed: exit code {done.returncode}", flush=True)
    if not _gone(vmid, timeout + 5):
        raise Die("container did not stop")


def reboot(values):
    """`pct reboot`: shut down, kill after the timeout, start; pending changes take effect."""
    vmid = values["vmid"]
    refuse_stopped(vmid, "VM")

    def work():
        shutdown_now(vmid, values.get("timeout", 60), force=True)
        start_now(vmid)
    tasks.run("vzreboot", vmid, work)
