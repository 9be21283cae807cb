"""One tool of an MCP server: its definition made a name, bounds, an effect class."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from keyword import iskeyword
from typing import cast

from agentkit.errors import UsageError
from agentkit.tools.mcp.pins import Definition
from agentkit.types import Effect, Json, Schema

MOST_TOOLS = 1000
MOST_DEFINITION = 64 * 1024
"""Characters of a definition as JSON."""
MOST_DESCRIPTION = 2000
MOST_NAME = 64

_TELLS = frozenset(("description", "title"))
_DATA = frozenset(("const", "default", "enum", "examples"))
_NAMED = frozenset(("$defs", "definitions", "dependentSchemas", "patternProperties", "properties"))
_COMBINED = frozenset(("$ref", "allOf", "anyOf", "oneOf", "patternProperties", "not", "if"))

_PATTERNS = frozenset(("pattern", "patternProperties"))
_AGAINST = frozenset(("not", "if", "maxContains", "unevaluatedItems", "unevaluatedProperties"))


def checked(definitions: Sequence[Definition], server: str) -> Sequence[Definition]:
    """The definitions. Raises `UsageError` where one is too large, or they are too many."""
    if len(definitions) > MOST_TOOLS:
        raise UsageError(
            f"{server}: expected at most {MOST_TOOLS} tools, came {len(definitions)}; "
            "choose some: only=[…]"
        )
    for one in definitions:
        size = len(json.dumps(one))
        if size > MOST_DEFINITION:
            raise UsageError(
                f"{server}: the definition of its tool {str(one['name'])[:MOST_NAME]!r} has {size} "
                f"characters, at most {MOST_DEFINITION} are taken; leave it out: only=[…]"
            )
    return definitions


def names(tools: Iterable[str], server: str) -> dict[str, str]:
    """A name in plans for each of a server's tools: the server's name before it, distinct.

    >>> names(["read-file", "read_file", "fs_list"], "fs")
    {'read_file': 'fs_read_file', 'fs_list': 'fs_list', 'read-file': 'fs_read_file_2'}
    """
    found: dict[str, str] = {}
    for name in sorted(tools, key=lambda one: not one.isidentifier()):  # plain ones keep their name
        word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:MOST_NAME]
        wanted = word if word.startswith(f"{server}_") else f"{server}_{word or 'tool'}"
        free, number = wanted, 1
        while free in found.values() or iskeyword(free):
            number += 1
            free = f"{wanted}_{number}"
        found[name] = free
    return found


def guessed(definition: Definition) -> Effect:
    """The effect class that the annotations speak for; without any, the worst.

    >>> guessed({"annotations": {"idempotentHint": True}}), guessed({})
    ('write', 'once')
    """
    hints = cast("Mapping[str, Json]", definition.get("annotations") or {})
    if hints.get("readOnlyHint") is True:
        return "read"
    return "write" if hints.get("idempotentHint") is True else "once"


def input_schema(definition: Definition, *, silent: bool) -> Schema:
    """The schema of the arguments, closed where it leaves open what is not named in it."""
    theirs = cast("Schema", definition["inputSchema"])
    schema = bounded(theirs, silent=silent)
    if theirs.keys() & _COMBINED:
        return schema
    return {"type": "object", "additionalProperties": False, **schema}


def bounded(schema: Schema, *, silent: bool = False) -> Schema:
    """The schema with its texts cut at a length, or without any, and without regular expressions:
    one of theirs could hold this process for ever. It refuses nothing that the first one takes.

    >>> bounded({"title": "A", "properties": {"title": {"description": "Long."}}}, silent=True)
    {'properties': {'title': {}}}
    >>> bounded({"type": "object", "patternProperties": {"^x": {}}, "additionalProperties": False})
    {'type': 'object'}
    """
    has_patterns = '"pattern' in json.dumps(schema)
    return cast("Schema", _bounded(dict(schema), 0 if silent else MOST_DESCRIPTION, has_patterns))


def _bounded(schema: Json, most: int, loose: bool) -> Json:
    if isinstance(schema, list):
        return [_bounded(one, most, loose) for one in schema]
    if not isinstance(schema, dict):
        return schema
    dropped = _dropped(schema) if loose else frozenset[str]()
    found: dict[str, Json] = {}
    for key, value in schema.items():
        if key in dropped:
            continue
        if key in _DATA:
            found[key] = value
        elif key in _NAMED and isinstance(value, dict):
            found[key] = {name: _bounded(one, most, loose) for name, one in value.items()}
        elif key not in _TELLS:
            found["anyOf" if loose and key == "oneOf" else key] = _bounded(value, most, loose)
        elif most:
            found[key] = str(value)[:most]
    return found


def _dropped(schema: Mapping[str, Json]) -> frozenset[str]:
    """The keywords that go with regular expressions: these, and what would refuse more without
    them. (Of alternatives without their patterns several may hold, so `oneOf` is `anyOf`.)"""
    beside = {"additionalProperties"} if "patternProperties" in schema else set[str]()
    again = {"oneOf"} if "anyOf" in schema else set[str]()
    return _PATTERNS | _AGAINST | beside | again
