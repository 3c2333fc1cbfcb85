"""`pvesh`: API paths from the command line, results as text or JSON. Never answers a path that is not in the table of api.py."""
import json

from . import api, command, getopt, schema
from .command import Command
from .options import boolean, text

FORMATS = ("text", "json", "json-pretty", "yaml")
OUTPUT = {"output-format": text(enum=FORMATS), "quiet": boolean(), "noproxy": boolean(), "noborder": boolean(), "noheader": boolean(),
          "human-readable": boolean()}


class Call(Command):
    """One method; its options depend on the path."""

    def __init__(self, method):
        super().__init__(method, "api_path", {"api_path": text(), **OUTPUT}, self.answer)

    def usage(self, program):
        """Proxmox has a word more here."""
        return f"{program} {self.name} <api_path> [OPTIONS] [FORMAT_OPTIONS]"

    def values(self, args):
        """Checked values of the path's own options, its variables and the output options, and the route itself."""
        path = next((word for word in args if not word.startswith("-")), "")
        route, variables = api.find(self.name, path)
        found = getopt.parse(args, ["api_path"], {**route.options, **OUTPUT})
        del found["api_path"]
        checked = schema.verify({**found, **variables}, {**route.options, **OUTPUT, **route.variables})
        return {"route": route, **checked}

    @staticmethod
    def answer(values):
        """Runs the path's function and prints its result."""
        api.check_node(values)
        route, asked = values["route"], {key: value for key, value in values.items() if key not in OUTPUT and key != "route"}
        result = route.run(asked)
        if not values.get("quiet") and (result is not None or route.method == "get"):
            show(result, values.get("output-format", "text"))


def show(result, form):
    """Prints a result: JSON with sorted keys on one line, or for people."""
    if form == "json-pretty":
        print(json.dumps(result, indent=3, sort_keys=True, ensure_ascii=False))
    elif form != "text":
        # YAML is printed as JSON, which it includes.
        print(json.dumps(result, sort_keys=True, ensure_ascii=False, separators=(",", ":")))
    elif isinstance(result, list):
        for entry in result:
            print(entry if not isinstance(entry, dict) else "  ".join(f"{key}={value}" for key, value in sorted(entry.items())))
    elif isinstance(result, dict):
        for key, value in sorted(result.items()):
            print(f"{key:<20} {value}")
    elif result is not None:
        print(result)


COMMANDS = [[Call("create"), Call("delete"), Call("get"), Call("set")]]


def main(args):
    """Runs one call of `pvesh`."""
    return command.main("pvesh", COMMANDS, args)
