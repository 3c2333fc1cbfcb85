"""Runs what changes a guest as Proxmox's workers do: in a process of its own, its output merged into stdout and the task
log, its last error alone on stderr. Never decides the exit status of a call."""
import contextlib
import os
import signal
import sys
import time

from . import host
from .errors import Die


class Outcome:
    """How a task ended: `error` is None when it succeeded; warnings do not make it fail."""

    def __init__(self, upid, error, warnings):
        self.upid, self.error, self.warnings = upid, error, warnings

    def status(self):
        """The word the task list shows."""
        if self.error:
            return self.error
        return f"WARNINGS: {self.warnings}" if self.warnings else "OK"


def run(kind, vmid, body):
    """Runs `body()` as a task whose failure fails the call; raises Die with the task's error."""
    outcome = run_lenient(kind, vmid, body, report=False)
    if outcome.error:
        raise Die(outcome.error)
    if outcome.warnings:
        print(f"Task finished with {outcome.warnings} warning(s)!", file=sys.stderr)


def run_lenient(kind, vmid, body, report=True):
    """Runs `body()` as a task and returns its Outcome; with `report` the error is printed, and the call may still end with 0."""
    sys.stdout.flush()
    output, feed = os.pipe()
    verdict, sentence = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(output)
        os.close(verdict)
        _work(body, feed, sentence)
    os.close(feed)
    os.close(sentence)
    upid = _upid(child, kind, vmid)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    _pass_signals_to(child)
    outcome = _relay(upid, child, output, verdict)
    if report and outcome.error:
        print(outcome.error, file=sys.stderr)
    return outcome


def _work(body, feed, sentence):
    """The worker: never returns. Its error goes through its own pipe, everything else is output."""
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, _interrupted)
    os.dup2(feed, 1)
    os.dup2(feed, 2)
    error = ""
    try:
        body()
    except Exception as reason:  # whatever it is, the worker must not fall back into its parent's code
        error = " ".join(str(reason).split("\n")).strip()
    sys.stdout.flush()
    os.write(sentence, error.encode())
    os._exit(255 if error else 0)


def _interrupted(_number, _frame):
    raise Die("interrupted by unexpected signal")


def _pass_signals_to(child):
    """A signal to the call becomes a TERM to the worker's group, from the fourth on a KILL."""
    seen = []

    def forward(_number, _frame):
        seen.append(1)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGTERM if len(seen) < 4 else signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, forward)


def _relay(upid, child, output, verdict):
    path = log_path(upid)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    warnings, stdout = 0, os.fdopen(os.dup(1), "wb")
    with os.fdopen(output, "rb") as lines, open(path, "wb") as log, stdout:
        for line in lines:
            warnings += line.startswith(b"WARN: ")
            for sink in (log, stdout):
                sink.write(line)
                sink.flush()
        _, status = os.waitpid(child, 0)
        with os.fdopen(verdict, "rb") as pipe:
            error = pipe.read().decode()
        if not error and status:
            error = "unexpected status"
        log.write(f"TASK ERROR: {error}\n".encode() if error else b"TASK OK\n")
    outcome = Outcome(upid, error or None, warnings)
    with open(f"{host.TASKS}/index", "a", encoding="utf-8") as index:
        index.write(f"{upid} {int(time.time()):08X} {outcome.status()}\n")
    return outcome


def _upid(pid, kind, vmid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        started = int(stat.read().rpartition(")")[2].split()[19])
    return f"UPID:{host.NODE}:{pid:08X}:{started:08X}:{int(time.time()):08X}:{kind}:{vmid}:root@pam:"


def log_path(upid):
    """The log file of a task, in the directory named by the last digit of its start time."""
    return f"{host.TASKS}/{upid.split(':')[4][-1]}/{upid}"


def finished():
    """All finished tasks, newest first, as the API shows them."""
    try:
        with open(f"{host.TASKS}/index", encoding="utf-8") as index:
            return [_entry(line.rstrip("\n")) for line in reversed(list(index))]
    except FileNotFoundError:
        return []


def _entry(line):
    upid, ended, status = line.split(" ", 2)
    _, node, pid, pstart, start, kind, ident, user, _ = upid.split(":")
    return {"upid": upid, "node": node, "pid": int(pid, 16), "pstart": int(pstart, 16), "starttime": int(start, 16), "type": kind,
            "id": ident, "user": user, "endtime": int(ended, 16), "status": status}
