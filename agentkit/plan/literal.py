"""Whether a JSON value is of a type, exactly as the call itself will decide it.

An integer is a number, 3.0 is an integer, a boolean is neither, a string is never a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from functools import lru_cache
from math import isfinite
from typing import Any, cast
from uuid import UUID

from agentkit.media import matches
from agentkit.nearest import nearest
from agentkit.plan.mismatch import Mismatch, worst
from agentkit.plan.typename import type_name
from agentkit.plan.types import (
    Path,
    Type,
    alternatives,
    element_of,
    is_unknown,
    kind_of,
    properties_of,
    resolved,
    rest_of,
)
from agentkit.types import Json

MOST_SHOWN = 40


def conforms(value: Json, wanted: Type, path: Path = ()) -> Mismatch | None:
    """None if the value is of the type, else where and how it is not.

    >>> from agentkit.plan.types import as_type
    >>> conforms("3", as_type({"type": "integer"}))
    Mismatch(expected='int', found="'3'", path=(), nearest=None)
    """
    found: list[Mismatch] = []
    for member in alternatives(wanted):
        mismatch = None if is_unknown(member) else _of_one(value, member, path)
        if mismatch is None:
            return None
        found.append(mismatch)
    return worst(found, lambda: Mismatch(type_name(resolved(wanted)), shown(value), path))


def shown(value: Json) -> str:
    """A value as a message shows it, cut to a bearable length."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…"


def _of_one(value: Json, member: Type, path: Path) -> Mismatch | None:
    schema = cast("Mapping[str, Any]", member.schema)
    listed = [schema["const"]] if "const" in schema else schema.get("enum")
    kind = kind_of(member)
    if listed is not None and not any(_same(value, one) for one in listed):
        near = (
            nearest(value, [one for one in listed if isinstance(one, str)])
            if (isinstance(value, str))
            else None
        )
        return Mismatch(type_name(member), shown(value), path, near)
    if kind is not None and not _is_kind(value, kind):
        return Mismatch(type_name(member), shown(value), path)
    match value:
        case bool() | None:
            return None
        case int() | float():
            complaint = _number(value, schema)
        case str():
            complaint = _text(value, schema)
        case list():
            complaint = _length(len(value), schema, "minItems", "maxItems", "element")
            return (
                _elements(value, member, path)
                if complaint is None
                else Mismatch(complaint, f"{len(value)}", path)
            )
        case dict():
            return _fields(value, member, path)
    if complaint is None:
        return None
    return Mismatch(f"{type_name(member)} {complaint}", shown(value), path)


def _same(one: Json, other: Json) -> bool:
    """Equality of JSON, where true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _is_kind(value: Json, kind: str) -> bool:
    match value:
        case None:
            return kind == "null"
        case bool():
            return kind == "boolean"
        case int():
            return kind in ("integer", "number")
        case float():
            return kind == "number" or (kind == "integer" and value.is_integer())
        case str():
            return kind == "string"
        case list():
            return kind == "array"
        case dict():
            return kind == "object"


def _number(value: float, schema: Mapping[str, Any]) -> str | None:
    for keyword, sign, holds in _BOUNDS:
        if keyword in schema and not holds(value, schema[keyword]):
            return f"{sign} {schema[keyword]}"
    step = schema.get("multipleOf")
    if not step:
        return None
    times = value / step
    if isfinite(times) and abs(times - round(times)) > 1e-9:
        return f"a multiple of {step}"
    return None


_BOUNDS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("minimum", ">=", lambda value, bound: value >= bound),
    ("maximum", "<=", lambda value, bound: value <= bound),
    ("exclusiveMinimum", ">", lambda value, bound: value > bound),
    ("exclusiveMaximum", "<", lambda value, bound: value < bound),
)


def _text(value: str, schema: Mapping[str, Any]) -> str | None:
    complaint = _length(len(value), schema, "minLength", "maxLength", "character")
    if complaint is not None:
        return complaint
    pattern, form = schema.get("pattern"), schema.get("format")
    if isinstance(pattern, str) and not _found(pattern, value):
        return f"matching {pattern!r}"
    parse = _FORMATS.get(form) if isinstance(form, str) else None
    if parse is not None:
        try:
            parse(value)
        except ValueError:
            return f"in the form of a {form}"
    return None


_FORMATS: Mapping[str, Callable[[str], object]] = {
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
    "time": time.fromisoformat,
    "uuid": UUID,
}


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None  # another dialect's pattern; the tool itself decides


def _found(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(value) is not None


def _length(length: int, schema: Mapping[str, Any], least: str, most: str, unit: str) -> str | None:
    low, high = schema.get(least), schema.get(most)
    if low is not None and length < low:
        return f"at least {low} {unit}s"
    if high is not None and length > high:
        return f"at most {high} {unit}s"
    return None


def _elements(value: list[Json], member: Type, path: Path) -> Mismatch | None:
    for index, item in enumerate(value):
        mismatch = conforms(item, element_of(member, index), (*path, index))
        if mismatch is not None:
            return mismatch
    return None


def _fields(value: dict[str, Json], member: Type, path: Path) -> Mismatch | None:
    declared, rest = properties_of(member), rest_of(member)
    for name in member.schema.get("required", ()):
        if name not in value:
            return Mismatch(f"{type_name(member)} with field {name!r}", "none", path)
    for name, item in value.items():
        if name in declared:
            mismatch = conforms(item, declared[name], (*path, name))
        elif rest is not None:
            mismatch = conforms(item, rest, (*path, name))
        elif member.schema.get("additionalProperties") is False:
            near = nearest(name, declared)
            return Mismatch(f"a field of {type_name(member)}", repr(name), path, near)
        else:
            mismatch = None
        if mismatch is not None:
            return mismatch
    pattern = member.schema.get("contentMediaType")
    media_type = value.get("media_type")
    if (
        isinstance(pattern, str)
        and isinstance(media_type, str)
        and not matches(media_type, pattern)
    ):
        return Mismatch(pattern, media_type, (*path, "media_type"))
    return None
