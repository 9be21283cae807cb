"""The name of a type as a Python programmer would write it, for messages and stubs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from agentkit.plan.types import (
    Type,
    alternatives,
    element_of,
    is_unknown,
    kind_of,
    properties_of,
    resolved,
    rest_of,
)

_SCALARS = {
    "null": "None",
    "boolean": "bool",
    "integer": "int",
    "number": "float",
    "string": "str",
}
MOST_DEPTH = 4
MOST_FIELDS = 4


def type_name(given: Type, name_object: Callable[[Type], str | None] | None = None) -> str:
    """The Python expression for a type: `list[Hit]`, `str | None`, `Literal['a', 'b']`.

    `name_object` may name an object type; where it gives None the schema's title is taken.

    >>> from agentkit.plan.types import as_type
    >>> type_name(as_type({"type": "array", "items": {"type": ["integer", "null"]}}))
    'list[int | None]'
    """
    return _name(given, name_object or _titled, MOST_DEPTH)


def _name(given: Type, name_object: Callable[[Type], str | None], depth: int) -> str:
    given = resolved(given)
    if is_unknown(given):
        return "Any"
    if not depth:
        return "…"
    names: list[str] = []
    listed: list[str] = []
    for member in alternatives(given):
        literals = _literals(member)
        listed += literals or ()
        name = None if literals is not None else _one(member, name_object, depth)
        if name is not None and name not in names:
            names.append(name)
    if listed:
        literal = f"Literal[{', '.join(dict.fromkeys(listed))}]"
        names.insert(0, "None" if literal == "Literal[None]" else literal)
    return " | ".join(names) if names else "Never"


def _literals(member: Type) -> list[str] | None:
    schema = cast("Mapping[str, Any]", member.schema)
    if "const" in schema:
        return [repr(schema["const"])]
    if "enum" in schema:
        return [repr(value) for value in schema["enum"]]
    return None


def _one(member: Type, name_object: Callable[[Type], str | None], depth: int) -> str:
    if is_unknown(member):
        return "Any"
    kind = kind_of(member)
    if kind == "array":
        return _array(member, name_object, depth - 1)
    if kind == "object":
        return name_object(member) or _object(member, name_object, depth - 1)
    return _SCALARS.get(kind or "", "Any")


def _array(member: Type, name_object: Callable[[Type], str | None], depth: int) -> str:
    schema = cast("Mapping[str, Any]", member.schema)
    first = schema.get("prefixItems", ())
    if first and schema.get("maxItems") == len(first):
        parts = [_name(member.part(item), name_object, depth) for item in first]
        return f"tuple[{', '.join(parts)}]"
    return f"list[{_name(element_of(member), name_object, depth)}]"


def _object(member: Type, name_object: Callable[[Type], str | None], depth: int) -> str:
    fields = properties_of(member)
    if not fields:
        return f"dict[str, {_name(rest_of(member) or Type({}, {}), name_object, depth)}]"
    shown = [
        f"{name}: {_name(fields[name], name_object, depth)}" for name in list(fields)[:MOST_FIELDS]
    ]
    more = ", …" if len(fields) > MOST_FIELDS else ""
    return f"{{{', '.join(shown)}{more}}}"


def _titled(member: Type) -> str | None:
    title = member.schema.get("title")
    if isinstance(title, str):
        return title
    return "Artifact" if "contentMediaType" in member.schema else None
