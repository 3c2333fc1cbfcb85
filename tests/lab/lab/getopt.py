"""Splits a command line as Perl's Getopt::Long does for Proxmox: prefixes - and --, unique abbreviations, options anywhere,
booleans with optional value. Never looks at what a value means."""
import re
import sys

from .errors import BadCall

TRUE, FALSE = ("1", "on", "yes", "true"), ("0", "off", "no", "false")


class _Refused(Exception):
    """One option could not be read; the rest of the line is still looked at, as Getopt::Long does."""


def parse(args, positional, options):
    """Returns {name: text, or list of texts for lists, or 0/1 for booleans}; raises BadCall."""
    values, words = _split(list(args), options)
    _assign(values, words, positional)
    for name, value in values.items():
        if options.get(name, {}).get("type") == "boolean":
            values[name] = _boolean(value)
    return values


def _split(args, options):
    values, words, bad = {}, [], False
    while args:
        word = args.pop(0)
        if word == "--":
            words += args
            break
        if not re.match(r"--?[^-]", word):
            words.append(word)
            continue
        try:
            _take(word, args, options, values)
        except _Refused as refusal:
            print(refusal, file=sys.stderr)
            bad = True
    if bad:
        raise BadCall("unable to parse option")
    return values, words


def _take(word, args, options, values):
    """Reads one option and, where it has one, the word that follows as its value."""
    name, equals, value = word.lstrip("-").partition("=")
    name = _full_name(name, options)
    spec = options[name]
    if not equals:
        value = _following(name, spec, args)
    if spec.get("list"):
        values.setdefault(name, []).append(value)
    else:
        values[name] = value


def _following(name, spec, args):
    if spec["type"] == "boolean":
        return args.pop(0) if args and not re.match(r"-.", args[0]) else ""
    if not args:
        raise _Refused(f"Option {name} requires an argument")
    return args.pop(0)


def _full_name(given, options):
    wanted = given.lower()
    if wanted in options:
        return wanted
    for name in options:
        if name.lower() == wanted:
            return name
    found = sorted(name for name in options if name.lower().startswith(wanted))
    if len(found) == 1:
        return found[0]
    if found:
        raise _Refused(f"Option {given} is ambiguous ({', '.join(found)})")
    raise _Refused(f"Unknown option: {given}")


def _assign(values, words, positional):
    for name in positional:
        optional = name.startswith("[")
        name = name.strip("[]")
        if name == "extra-args":
            values[name] = words
            return
        if words:
            values[name] = words.pop(0)
        elif not optional:
            raise BadCall("not enough arguments")
    if words:
        raise BadCall("too many arguments")


def _boolean(value):
    if value == "" or value.lower() in TRUE:
        return 1
    if value.lower() in FALSE:
        return 0
    raise BadCall("unable to parse boolean option")
