"""Makes chosen calls go wrong, as the knob LAB_FAULT asks: rules `CALL[:N]=KIND` between semicolons. CALL is the first words of
a call ("pct start", "pvesh get /cluster/nextid", "any"), N which of the calls that fit is hit (default 1, `*` all of them).
Never hits a call no rule names."""
import fcntl
import json
import os
import re
import signal
import sys
import time

from . import host

RULE = re.compile(r"\s*(?P<call>[^:=]+?)(?::(?P<nth>\d+|\*))?=(?P<kind>[a-z-]+)\s*")
# What Perl's errno happens to be where Proxmox's programs die early: any of them may be the exit status.
STATUSES = (255, 2, 25, 111)
NOISE = b"\xff\xfe\x00{\"id\": [\xc3(\n\x1b[31m<html>502 Bad Gateway</html>\n"


class BadRule(Exception):
    """LAB_FAULT cannot be read; a test that believes in its fault must not pass without one."""


def chosen(program, args):
    """The kind of fault that hits this call, or None. Counts the call for every rule it fits, in the file $LAB_FAULT_COUNT."""
    text = host.knob("LAB_FAULT")
    if not text:
        return None
    rules = [_rule(part) for part in text.split(";") if part.strip()]
    path = host.knob("LAB_FAULT_COUNT", f"{host.RUN}/faults.json")
    with open(path, "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        counts = _counts(file, text)
        hits = [kind for call, nth, kind in rules if _fits(call, program, args) and _counted(counts, f"{call}={kind}:{nth}", nth)]
        file.truncate(0)
        json.dump({"rules": text, "calls": counts}, file)
    return hits[0] if hits else None


def _rule(part):
    found = RULE.fullmatch(part)
    if not found or found["kind"] not in KINDS:
        raise BadRule(f"LAB_FAULT: not a rule: {part.strip()!r}; kinds are {', '.join(sorted(KINDS))}")
    return found["call"], found["nth"] or "1", found["kind"]


def _counts(file, text):
    """How often each rule has been met since the knob has had this value."""
    file.seek(0)
    try:
        known = json.load(file)
        return known["calls"] if known["rules"] == text else {}
    except (ValueError, KeyError):
        return {}


def _fits(call, program, args):
    words = call.split()
    return words == ["any"] or [program, *args][:len(words)] == words


def _counted(counts, key, nth):
    counts[key] = counts.get(key, 0) + 1
    return nth in ("*", str(counts[key]))


def around(kind, call):
    """Runs `call()`, or does not, as `kind` has it; returns the exit status unless the process is killed."""
    return KINDS[kind](call)


def _exit(_call):
    print("ipcc_send_rec[1] failed: Connection refused\nUnable to load access control list: Connection refused", file=sys.stderr)
    return STATUSES[os.getpid() % len(STATUSES)]


def _task(_call):
    print("command 'lvs' failed: got signal 11", file=sys.stderr)
    return 0


def _garbage(_call):
    for stream in (sys.stdout, sys.stderr):
        stream.buffer.write(NOISE)
        stream.flush()
    return 0


def _hang(call):
    """Ends by itself only so that a forgotten call does not stay for ever."""
    time.sleep(float(host.knob("LAB_FAULT_HANG_S", "600")))
    return _exit(call)


def _killed(_call=None):
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def _killed_after(call):
    _done_by_a_child(call)
    _killed()


def _exit_after(call):
    _done_by_a_child(call)
    return _exit(call)


def _done_by_a_child(call):
    """The call in full, even where it becomes another program."""
    child = os.fork()
    if child == 0:
        status = call() or 0
        sys.stdout.flush()
        os._exit(status)
    os.waitpid(child, 0)


def _killed_midway(call):
    """The call runs until its first point of no return, see `midway`."""
    os.environ["LAB_TEAR"] = str(os.getpid())
    return call()


def midway():
    """Called by work that has done half of its effect: where a `killed-midway` waits, call and worker die here at once."""
    caller = os.environ.get("LAB_TEAR")
    if caller:
        sys.stdout.flush()
        os.kill(int(caller), signal.SIGKILL)
        _killed()


KINDS = {"exit": _exit, "exit-after": _exit_after, "task": _task, "hang": _hang, "garbage": _garbage, "killed-before": _killed,
         "killed-midway": _killed_midway, "killed-after": _killed_after}
