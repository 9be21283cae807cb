"""JSON Schemas as types: what a schema means, piece by piece.

A `Type` is a schema together with the document that its `$ref`s point into. Types made here from
several documents (a list of two tools' results) hold other `Type`s where a schema would stand.

Gradual, as Python's own types are: what a schema leaves open is unknown, and the unknown fits
everything and has every field; run-time validation has the last word there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, TypeAlias, cast

from agentkit.types import Json, Schema

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Type:
    """A schema (or `True`, anything, or `False`, nothing) and the document it is part of."""

    schema: Any
    root: Mapping[str, Any]

    def part(self, schema: Any) -> Type:
        """The type of a schema found inside this one."""
        return schema if isinstance(schema, Type) else Type(schema, self.root)


UNKNOWN = Type({}, {})
NEVER = Type(False, {})

KEYWORDS = frozenset(
    "type enum const anyOf oneOf allOf $ref properties required additionalProperties items "
    "prefixItems minItems maxItems minLength maxLength pattern minimum maximum exclusiveMinimum "
    "exclusiveMaximum multipleOf contentMediaType nullable format".split()
)
"""The keywords that say something about a value here; a schema with none of them is unknown."""

MOST_ALTERNATIVES = 64
"""Of a union; one with more is unknown."""
MOST_INDIRECTIONS = 32


def as_type(schema: Schema | Type) -> Type:
    """A schema that is a document of its own, as a type."""
    return schema if isinstance(schema, Type) else Type(schema, schema)


def of(kind: str, **keywords: Any) -> Type:
    """A type of one JSON kind, as `of("array", items=element)`."""
    return Type({"type": kind, **keywords}, {})


def resolved(given: Type) -> Type:
    """The same type with `$ref` followed; a reference out of the document is unknown."""
    for _ in range(MOST_INDIRECTIONS):
        if isinstance(given.schema, Type):
            given = given.schema
        elif isinstance(given.schema, bool):
            return given
        elif not _is_mapping(given.schema):
            return UNKNOWN  # of another dialect, as a list of `items` is
        elif "$ref" in given.schema:
            given = _target(given)
        else:
            return given
    return UNKNOWN


def _target(given: Type) -> Type:
    pointer = given.schema["$ref"]
    if not isinstance(pointer, str) or not pointer.startswith("#"):
        return UNKNOWN
    found: Any = given.root
    for step in pointer.removeprefix("#").strip("/").split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if key:
            found = cast("Mapping[str, Any]", found).get(key) if _is_mapping(found) else None
    return UNKNOWN if found is None else given.part(found)


def _is_mapping(value: object) -> bool:
    return type(value) is dict or isinstance(value, Mapping)


def is_unknown(given: Type) -> bool:
    """Whether a resolved type says nothing about its values."""
    schema = given.schema
    return schema is True or (schema is not False and KEYWORDS.isdisjoint(schema))


def alternatives(given: Type) -> tuple[Type, ...]:
    """The members of a union; each one has at most one JSON kind, no `$ref`, no `anyOf`.

    A type that is no union is its own only member; one that has no value has no member.
    """
    return tuple(_alternatives(given, {}, 0))


def _alternatives(given: Type, known: dict[int, list[Type]], depth: int) -> list[Type]:
    """`known` has them by the identity of schemas: each is expanded once."""
    given = resolved(given)
    schema = given.schema
    if schema is False:
        return []
    if depth > MOST_INDIRECTIONS or is_unknown(given):
        return [UNKNOWN]
    kinds = schema.get("type")
    if not (schema.keys() & {"anyOf", "oneOf", "allOf", "nullable"} or isinstance(kinds, list)):
        return [given]
    if id(schema) not in known:
        known[id(schema)] = [UNKNOWN]  # meanwhile: a union of itself says nothing
        known[id(schema)] = _expanded(given, known, depth)
    return known[id(schema)]


def _expanded(given: Type, known: dict[int, list[Type]], depth: int) -> list[Type]:
    schema = given.schema
    kinds = schema.get("type")
    base = {key: value for key, value in schema.items() if key not in _COMBINING}
    choices = [[given.part(member)] for member in schema.get("allOf", ())]
    choices += [
        [given.part(member) for member in schema[key]]
        for key in ("anyOf", "oneOf")
        if key in schema
    ]
    if isinstance(kinds, list):
        del base["type"]
        choices.append([of(kind) for kind in cast("list[str]", kinds)])
    expanded = [
        [m for one in choice for m in _alternatives(one, known, depth + 1)] for choice in choices
    ]
    if prod(map(len, expanded)) > MOST_ALTERNATIVES:
        return [UNKNOWN]
    found = [_both(chosen, given.part(base)) for chosen in product(*expanded)]
    if schema.get("nullable") is True:
        found.append(of("null"))
    return [member for member in found if member.schema is not False]


_COMBINING = frozenset({"anyOf", "oneOf", "allOf", "nullable"})


def _both(members: Sequence[Type], base: Type) -> Type:
    """One type with the demands of all of them, as `allOf` means it."""
    parts = [part for part in (*members, base) if not is_unknown(part)]
    if len(parts) <= 1:
        return parts[0] if parts else UNKNOWN
    merged: dict[str, Any] = {}
    for part in parts:
        for key, value in part.schema.items():
            if key == "properties":
                merged[key] = _both_properties(merged.get(key, {}), part)
            elif key == "required":
                merged[key] = [*merged.get(key, ()), *value]
            elif key == "type" and merged.get(key, value) != value:
                if {merged[key], value} != {"integer", "number"}:
                    return NEVER
                merged[key] = "integer"
            elif key in ("items", "additionalProperties"):
                merged.setdefault(key, part.part(value))
            elif key != "prefixItems":
                merged.setdefault(key, value)
            else:
                merged.setdefault(key, [part.part(item) for item in value])
    return Type(merged, base.root)


def _both_properties(known: Mapping[str, Any], part: Type) -> dict[str, Any]:
    found = dict(known)
    for name, schema in part.schema["properties"].items():
        mine = part.part(schema)
        found[name] = Type({"allOf": [found[name], mine]}, {}) if name in found else mine
    return found


def kind_of(member: Type) -> str | None:
    """The JSON kind of a member's values; None where it is not said."""
    schema = cast("Mapping[str, Any]", member.schema)
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "contentMediaType" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else None


def values_of(member: Type) -> Sequence[Json] | None:
    """All values of a member, where they are listed: `enum`, `const`, null, booleans."""
    schema = cast("Mapping[str, Any]", member.schema)
    if "const" in schema:
        return (schema["const"],)
    if "enum" in schema:
        return cast("Sequence[Json]", schema["enum"])
    return {"null": (None,), "boolean": (True, False)}.get(cast("str", schema.get("type")))


def union(members: Iterable[Type]) -> Type:
    """What is one of these; the unknown swallows the rest."""
    flat: list[Type] = []
    for member in members:
        for one in alternatives(member):
            if is_unknown(one):
                return UNKNOWN
            if not any(one.schema is known.schema or one.schema == known.schema for known in flat):
                flat.append(one)
        if len(flat) > MOST_ALTERNATIVES:
            return UNKNOWN
    if not flat:
        return NEVER
    return flat[0] if len(flat) == 1 else Type({"anyOf": flat}, {})


def properties_of(member: Type) -> dict[str, Type]:
    """The declared fields of an object type."""
    declared = cast("Mapping[str, Any]", member.schema.get("properties", {}))
    return {name: member.part(schema) for name, schema in declared.items()}


def rest_of(member: Type) -> Type | None:
    """The type of fields that an object type does not declare; None where it has no others.

    A schema that lists fields and says nothing of others is taken to have no others: producers
    mean it so, and a misspelt field would otherwise never be found.
    """
    rest = member.schema.get("additionalProperties")
    if rest is False or (rest is None and "properties" in member.schema):
        return None
    return UNKNOWN if rest is None else member.part(rest)


def element_of(member: Type, index: int | None = None) -> Type:
    """The type of the element at `index` of an array type, or of any element."""
    schema = cast("Mapping[str, Any]", member.schema)
    first = cast("Sequence[Any]", schema.get("prefixItems", ()))
    if index is None:
        longer = [] if first and _closed_after(schema, len(first)) else [schema.get("items", True)]
        return union(member.part(item) for item in (*first, *longer))
    closed = first and index < 0 and _closed_after(schema, len(first)) and -index <= len(first)
    if closed or 0 <= index < len(first):
        return member.part(first[index])
    rest = member.part(schema.get("items", True))
    return rest if not first or index >= 0 else element_of(member)


def _closed_after(schema: Mapping[str, Any], count: int) -> bool:
    return schema.get("items") is False or schema.get("maxItems") == count
