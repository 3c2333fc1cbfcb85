"""Runs one command line against a table of commands: usage texts, errors, exit status, call log. Never knows what a
command does."""
import json
import locale
import os
import random
import sys
import time

from . import fault, getopt, host, schema
from .errors import BadCall, BadParameters, Die

# One line per call, although `pct exec` says it before it becomes another program and a fault before anything else.
_logged = False
POSITIONAL = {"extra-args": {"type": "words"}}


class Command:
    """One subcommand: `positional` names in order ("[x]" is optional, "extra-args" takes the rest), their declarations
    among `options`; `run` takes the checked values as a dict and returns the exit status or nothing."""

    def __init__(self, name, positional, options, run):
        self.name, self.positional, self.run = name, positional.split(), run
        self.specs = {**POSITIONAL, **options}
        self.fixed = {word.strip("[]") for word in self.positional}
        self.options = {name: spec for name, spec in options.items() if name not in self.fixed}

    def usage(self, program):
        """The one-line usage, with the doubled blank Proxmox prints when there are no positionals."""
        words = " ".join(self._placeholder(word) for word in self.positional)
        return f"{program} {self.name} {words}" + (" [OPTIONS]" if self.options else "")

    @staticmethod
    def _placeholder(word):
        if word.startswith("["):
            return f"[<{word.strip('[]')}>]"
        return f"[<{word}>]" if word == "extra-args" else f"<{word}>"

    def values(self, args):
        """Parsed and checked arguments; raises BadCall or BadParameters."""
        return schema.verify(getopt.parse(args, self.positional, self.options), self.specs)


def main(program, groups, args):
    """Runs `args` (without the program's name) and returns the exit status. `groups` are the lines of the usage text."""
    return call(program, args, lambda: _run(program, groups, args))


def call(program, args, body):
    """Runs `body()` as one call: after the latency asked for, with the fault asked for, with its line in the log."""
    started = time.monotonic()
    # A real node's programs take about 0.6 s before they do anything.
    time.sleep(float(host.knob("LAB_LATENCY_MS", "0")) / 1000)
    complain_of_locale()
    kind, rc = fault.chosen(program, args), 255
    if kind:
        log_call(program, args, started, None, kind)
        return fault.around(kind, body) or 0
    try:
        rc = body() or 0
        return rc
    finally:
        sys.stdout.flush()
        log_call(program, args, started, rc)


def log_call(program, args, started, rc, kind=None):
    """Appends one JSON line to $LAB_CALL_LOG, if that is set; `rc` is None for a call that becomes another program, and for one
    that meets the fault `kind`."""
    global _logged
    path = host.knob("LAB_CALL_LOG")
    if path and not _logged:
        _logged = True
        record = {"argv": [program, *args], "ms": round((time.monotonic() - started) * 1000), "rc": rc}
        record.update({"fault": kind} if kind else {})
        with open(path, "a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")


def _run(program, groups, args):
    if os.geteuid() != 0:
        return _fail("please run as root")
    if not args:
        return _fail("ERROR: no command specified\n" + usage(program, groups))
    command = _find(args[0], groups)
    if command is None:
        return _fail(f"ERROR: unknown command '{program} {args[0]}'\n" + usage(program, groups))
    try:
        return command.run(command.values(args[1:]))
    except BadCall as error:
        return _fail(f"400 {error}\n{command.usage(program)}")
    except BadParameters as error:
        return _fail(f"{refusal(error)}{command.usage(program)}", error.rc)
    except Die as error:
        return _fail(str(error), error.rc)


def refusal(error):
    """The block of a BadParameters, without usage line."""
    return "400 Parameter verification failed.\n" + "".join(f"{name}: {reason}\n" for name, reason in error.fields.items())


def _find(word, groups):
    table = {command.name: command for group in groups for command in group}
    if word in table:
        return table[word]
    found = [name for name in table if name.startswith(word)]
    return table[found[0]] if len(found) == 1 else None


def usage(program, groups):
    """The list of all commands, grouped."""
    lines = ["\n".join(f"       {command.usage(program)}" for command in group) for group in groups]
    return f"USAGE: {program} <COMMAND> [ARGS] [OPTIONS]\n\n" + "\n\n".join(lines)


def _fail(message, rc=255):
    """With LAB_RC=any every refusal ends with whatever errno might have been left over, as callers have to expect."""
    sys.stdout.flush()
    print(message, file=sys.stderr)
    return random.choice(fault.STATUSES) if host.knob("LAB_RC") == "any" else rc


def complain_of_locale():
    """Perl's words on stderr when the caller's locale does not exist here, which no exit status shows."""
    wanted = {name: value for name, value in os.environ.items() if name.startswith("LC_") or name in ("LANG", "LANGUAGE")}
    try:
        locale.setlocale(locale.LC_ALL, "")
    except locale.Error:
        lines = "".join(f'\t{name} = "{value}",\n' for name, value in sorted(wanted.items()))
        print(f"perl: warning: Setting locale failed.\nperl: warning: Please check that your locale settings:\n{lines}    are supported "
              'and installed on your system.\nperl: warning: Falling back to the standard locale ("C").', file=sys.stderr)
