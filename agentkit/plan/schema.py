"""Structural subtyping of JSON Schemas: whether all that one tool gives, another can take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from agentkit.media import ANY_MEDIA, NAMED, matches
from agentkit.nearest import nearest
from agentkit.plan.literal import conforms
from agentkit.plan.mismatch import Mismatch, worst
from agentkit.plan.typename import type_name
from agentkit.plan.types import (
    NEVER,
    UNKNOWN,
    Path,
    Type,
    alternatives,
    as_type,
    element_of,
    is_unknown,
    kind_of,
    of,
    properties_of,
    resolved,
    rest_of,
    union,
    values_of,
)
from agentkit.types import Schema


def fits(producer: Schema | Type, consumer: Schema | Type) -> Mismatch | None:
    """None if every value of the producer's type is one of the consumer's, else the first that is
    not.

    Bounds of numbers and lengths count only where no value can satisfy both, the length of a tuple
    always; the unknown fits everything. Recursive types fit while nothing contradicts it.

    >>> fits({"type": "integer"}, {"type": "number"})
    >>> fits({"type": "string"}, {"type": "array", "items": {"type": "string"}})
    Mismatch(expected='list[str]', found='str', path=(), nearest=None)
    """
    return _fits(as_type(producer), as_type(consumer), (), {})


_Assumed = dict[tuple[int, int], tuple[Type, Type]]
"""Pairs taken to fit, by the identity of their schemas; holding the types keeps those unique."""


def _fits(producer: Type, consumer: Type, path: Path, assumed: _Assumed) -> Mismatch | None:
    producer, consumer = resolved(producer), resolved(consumer)
    if producer.schema is consumer.schema or is_unknown(producer) or is_unknown(consumer):
        return None
    pair = (id(producer.schema), id(consumer.schema))
    if pair in assumed:
        return None
    before = len(assumed)
    assumed[pair] = (producer, consumer)
    wanted = alternatives(consumer)
    for member in alternatives(producer):
        mismatch = _fits_one_of(member, wanted, consumer, path, assumed)
        if mismatch is not None:
            # what was concluded from the assumption that has just fallen falls with it
            for key in list(assumed)[before:]:
                del assumed[key]
            return mismatch
    return None


def _fits_one_of(
    member: Type, wanted: Sequence[Type], consumer: Type, path: Path, assumed: _Assumed
) -> Mismatch | None:
    if is_unknown(member):
        return None
    values = values_of(member)
    if values is not None:
        failed = (conforms(value, consumer, path) for value in values)
        mismatch = next((mismatch for mismatch in failed if mismatch is not None), None)
        if mismatch is None or member.schema.keys() & {"const", "enum"}:
            return mismatch
        return replace(
            mismatch, found=type_name(member)
        )  # of a bool, not just the first of its two
    tried: list[Mismatch] = []
    for candidate in wanted:
        mismatch = _member_fits(member, candidate, path, assumed)
        if mismatch is None:
            return None
        tried.append(mismatch)
    return worst(tried, lambda: Mismatch(type_name(consumer), type_name(member), path))


def _member_fits(producer: Type, consumer: Type, path: Path, assumed: _Assumed) -> Mismatch | None:
    if is_unknown(consumer):
        return None
    have, want = kind_of(producer), kind_of(consumer)
    if not _kinds_fit(producer.schema, have, consumer.schema, want):
        return Mismatch(type_name(consumer), type_name(producer), path)
    if have == want == "object":
        return _object_fits(producer, consumer, path, assumed)
    if have == want == "array":
        return _array_fits(producer, consumer, path, assumed)
    return None


def _kinds_fit(
    producer: Mapping[str, Any], have: str | None, consumer: Mapping[str, Any], want: str | None
) -> bool:
    """As far as kinds say, and the bounds of numbers and texts."""
    if "const" in consumer or "enum" in consumer:
        return False
    if have is None or want is None or have == want in ("object", "array"):
        return True
    same = have == want or (have, want) == ("integer", "number")
    return same and not _apart(producer, consumer)


def _object_fits(producer: Type, consumer: Type, path: Path, assumed: _Assumed) -> Mismatch | None:
    mismatch = _media_fits(producer, consumer, path)
    if mismatch is not None:
        return mismatch
    have, want, rest = properties_of(producer), properties_of(consumer), rest_of(producer)
    sure = producer.schema.get("required", ())
    required = consumer.schema.get("required", ())
    for name, wanted in want.items():
        found = have.get(name, rest)
        if name in required and not (name in sure or (found is not None and is_unknown(found))):
            missing = f"{type_name(producer)} that {'may lack' if name in have else 'lacks'} it"
            expected = f"{type_name(consumer)} with field {name!r}"
            return Mismatch(expected, missing, path, nearest(name, have))
        if found is not None:
            mismatch = _fits(found, wanted, (*path, name), assumed)
            if mismatch is not None:
                return mismatch
    return _rest_fits(producer, consumer, path, assumed)


def _rest_fits(producer: Type, consumer: Type, path: Path, assumed: _Assumed) -> Mismatch | None:
    """Whether the fields that only the producer declares have a place in the consumer."""
    want, other = properties_of(consumer), rest_of(consumer)
    have = {name: one for name, one in properties_of(producer).items() if name not in want}
    if consumer.schema.get("additionalProperties") is False:
        extra = next(iter(have), None)
        only = f"only the fields of {type_name(consumer)}"
        return None if extra is None else Mismatch(only, repr(extra), path)
    if other is not None:
        for name, found in {**have, "[]": rest_of(producer) or NEVER}.items():
            mismatch = _fits(found, other, (*path, name), assumed)
            if mismatch is not None:
                return mismatch
    return None


def _media_fits(producer: Type, consumer: Type, path: Path) -> Mismatch | None:
    have = producer.schema.get("contentMediaType", ANY_MEDIA)
    want = consumer.schema.get("contentMediaType", ANY_MEDIA)
    if have == ANY_MEDIA or matches(have, want):
        return None
    return Mismatch(_artifact_name(consumer, want), _artifact_name(producer, have), path)


def _artifact_name(member: Type, pattern: str) -> str:
    name = type_name(member)
    return name if NAMED.get(name) == pattern or "[" in name else f"{name} ({pattern})"


def _array_fits(producer: Type, consumer: Type, path: Path, assumed: _Assumed) -> Mismatch | None:
    if not _lengths_fit(producer, consumer):
        return Mismatch(
            f"{type_name(consumer)} of {_lengths(consumer)} elements",
            f"{_lengths(producer)} elements",
            path,
        )
    places = max(len(one.schema.get("prefixItems", ())) for one in (producer, consumer))
    for index in range(places):
        mismatch = _fits(
            element_of(producer, index), element_of(consumer, index), (*path, index), assumed
        )
        if mismatch is not None:
            return mismatch
    if "items" not in consumer.schema:
        return None
    return _fits(element_of(producer), element_of(consumer), (*path, "[]"), assumed)


def _lengths_fit(producer: Type, consumer: Type) -> bool:
    """Whether an array can be as long as the consumer wants it; must be, where that is a tuple."""
    if "prefixItems" not in consumer.schema:
        return not _outside(producer.schema, consumer.schema, "minItems", "maxItems")
    (shortest, longest), (least, most) = _length(producer), _length(consumer)
    return shortest >= least and (most is None or (longest is not None and longest <= most))


def _length(member: Type) -> tuple[int, int | None]:
    """The least and the most elements of an array, None for any number."""
    first, rest = member.schema.get("prefixItems", ()), member.schema.get("items")
    return member.schema.get("minItems", 0), member.schema.get(
        "maxItems", len(first) if first and rest is False else None
    )


def _lengths(member: Type) -> str:
    low, high = _length(member)
    if low == high:
        return str(low)
    return f"{low} to {high}" if high is not None else f"{low} or more"


def _apart(producer: Mapping[str, Any], consumer: Mapping[str, Any]) -> bool:
    """Whether no number or text can be within the bounds of both."""
    return _outside(producer, consumer, "minLength", "maxLength") or _outside(
        producer, consumer, "minimum", "maximum"
    )


def _outside(
    producer: Mapping[str, Any], consumer: Mapping[str, Any], least: str, most: str
) -> bool:
    def above(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        low, high = one.get(least), other.get(most)
        return low is not None and high is not None and low > high

    return above(producer, consumer) or above(consumer, producer)


def field_type(given: Schema | Type, path: Path) -> Type | Mismatch:
    """The type of what a path leads to inside a value; a `Mismatch` where a step leads nowhere.

    >>> field_type({"type": "array", "items": {"type": "string"}}, (0, "text"))
    Mismatch(expected="a value with field 'text'", found='str', path=(0,), nearest=None)
    """
    found = as_type(given)
    for index, step in enumerate(path):
        stepped = _step(found, step, path[:index])
        if isinstance(stepped, Mismatch):
            return stepped
        found = stepped
    return found


def _step(given: Type, step: str | int, before: Path) -> Type | Mismatch:
    parts: list[Type] = []
    for member in alternatives(given):
        part = UNKNOWN if is_unknown(member) else _inside(member, step)
        if part is None:
            what = f"field {step!r}" if isinstance(step, str) else "elements"
            known = properties_of(member) if isinstance(step, str) else ()
            near = nearest(cast("str", step), known) if known else None
            return Mismatch(f"a value with {what}", _described(given, known), before, near)
        parts.append(part)
    return union(parts) if parts else UNKNOWN


def _described(given: Type, known: Mapping[str, Type] | tuple[()]) -> str:
    name = type_name(given)
    return f"{name} with {', '.join(known)}" if known and not name.startswith("{") else name


def _inside(member: Type, step: str | int) -> Type | None:
    kind = kind_of(member)
    if isinstance(step, int):
        if kind == "string":
            return of("string")
        return element_of(member, step) if kind in ("array", None) else None
    if kind not in ("object", None):
        return None
    if kind is None:
        return UNKNOWN
    declared = properties_of(member)
    return declared[step] if step in declared else rest_of(member)
