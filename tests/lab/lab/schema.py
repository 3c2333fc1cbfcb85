"""Checks parsed options against their declarations and words the refusals as Proxmox's JSON schema does. Never changes
state; returns numbers for integer and number options."""
import re

from . import formats
from .errors import BadParameters

UNKNOWN = "property is not defined in schema and the schema does not allow additional properties"
MISSING = "property is missing and it is not optional"


def verify(values, options):
    """Turns the texts of a command line into checked values; raises BadParameters naming every field that is wrong."""
    checked, wrong = {}, {}
    for name, value in values.items():
        spec = options.get(name)
        if spec is None:
            wrong[name] = UNKNOWN
            continue
        if isinstance(value, list) and name != "extra-args":
            value = ",".join(word for text in value for word in formats.split_list(text))
        try:
            checked[name] = _value(name, value, spec)
        except ValueError as reason:
            wrong[name] = str(reason)
    for name, spec in options.items():
        if spec.get("required") and name not in values:
            wrong[name] = MISSING
    if wrong:
        raise BadParameters(wrong)
    return checked


def _value(name, value, spec):
    kind = spec["type"]
    if kind in ("boolean", "words"):
        return value
    if kind in ("integer", "number"):
        return _number(value, spec)
    return _text(name, value, spec)


def _number(value, spec):
    kind = spec["type"]
    pattern = r"[+-]?\d+" if kind == "integer" else r"[+-]?\d+(\.\d+)?"
    if not re.fullmatch(pattern, str(value)):
        raise ValueError(f"type check ('{kind}') failed - got '{value}'")
    if "format" in spec:
        _format(str(value), spec)
    number = int(value) if kind == "integer" else float(value)
    if number < spec.get("minimum", number):
        raise ValueError(f"value must have a minimum value of {spec['minimum']}")
    if number > spec.get("maximum", number):
        raise ValueError(f"value must have a maximum value of {spec['maximum']}")
    return number


def _text(name, value, spec):
    if len(value) < spec.get("minLength", 0):
        raise ValueError(f"value must be at least {spec['minLength']} characters long")
    if len(value) > spec.get("maxLength", len(value)):
        raise ValueError(f"value may only be {spec['maxLength']} characters long")
    if "enum" in spec and value not in spec["enum"]:
        raise ValueError(f"value '{value}' does not have a value in the enumeration '{', '.join(spec['enum'])}'")
    if "pattern" in spec and not re.fullmatch(spec["pattern"], value):
        raise ValueError("value does not match the regex pattern")
    if "properties" in spec:
        _properties(name, value, spec)
    elif "format" in spec:
        _format(value, spec)
    return value


def _format(value, spec):
    for word in formats.split_list(value) if spec.get("list") else [value]:
        try:
            formats.CHECKS[spec["format"]](word)
        except ValueError as reason:
            raise ValueError(f"invalid format - {reason}\n") from None


def _properties(name, value, spec):
    try:
        properties(value, spec)
    except BadParameters as nested:
        lines = "".join(f"{name}.{key}: {reason}\n" for key, reason in nested.fields.items())
        raise ValueError(f"invalid format - format error\n{lines}") from None
    except ValueError as reason:
        raise ValueError(f"invalid format - {reason}\n") from None


def properties(value, spec):
    """Reads a property string such as `name=eth0,ip=dhcp` into checked values, in the order given."""
    found = {}
    for part in value.split(","):
        key, equals, text = part.partition("=")
        if not equals:
            if "default_key" not in spec:
                raise ValueError("value without key, but schema does not define a default key")
            key, text = spec["default_key"], part
        if key in found:
            raise ValueError(f"duplicate key in comma-separated list property: {key}")
        found[key] = text
    return verify({key: _as_boolean(text, spec["properties"].get(key)) for key, text in found.items()}, spec["properties"])


def _as_boolean(text, spec):
    if spec is None or spec["type"] != "boolean":
        return text
    return {"1": 1, "on": 1, "yes": 1, "true": 1, "0": 0, "off": 0, "no": 0, "false": 0}.get(text.lower(), text)
