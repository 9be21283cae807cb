"""What a statement can refer to: names, the fields and elements inside them, and their types."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from agentkit.plan.names import is_field
from agentkit.plan.schema import fits
from agentkit.plan.types import (
    Type,
    alternatives,
    element_of,
    is_unknown,
    kind_of,
    properties_of,
)

SCALARS = frozenset(("string", "number", "integer", "boolean"))
_UNQUOTED = frozenset("'\"\\{}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A way to write a value that exists, as `talk.text` or `hits[0].text`, and its type.

    `kinds`: the JSON kinds of its values, empty where they may be anything. `media`: whether it is
    an artifact or a list of them.
    """

    text: str
    type: Type
    kinds: frozenset[str]
    media: bool


# Each statement's grammar asks for them with every parameter of every tool.
@lru_cache(maxsize=1024)
def references(name: str, given: Type, *, steps: int = 1) -> tuple[Reference, ...]:
    """`name`, and what lies `steps` fields inside it or inside its first element."""
    return tuple(_references(name, given, steps))


def _references(name: str, given: Type, steps: int) -> Iterator[Reference]:
    yield _reference(name, given)
    member = only(given)
    if not steps or member is None or media_type(member) is not None:
        return
    kind = kind_of(member)
    if kind == "object":
        yield from _fields(name, member)
    elif kind == "array":
        first = _reference(f"{name}[0]", element_of(member))
        yield first
        inside = only(first.type)
        if inside is not None and kind_of(inside) == "object":
            yield from _fields(first.text, inside)


def _reference(text: str, given: Type) -> Reference:
    return Reference(text, given, kinds_of(given), holds_media(given))


def _fields(text: str, given: Type) -> Iterator[Reference]:
    """`text.field`, or `text['content-type']`; names that no f-string can hold are left out."""
    for field, inner in properties_of(given).items():
        if is_field(field):
            yield _reference(f"{text}.{field}", inner)
        elif field.isprintable() and not _UNQUOTED.intersection(field):
            yield _reference(f"{text}['{field}']", inner)


def fitting(
    types: Mapping[str, Type], wanted: Type, *, among: Collection[str] | None = None
) -> list[str]:
    """Every reference whose type surely fits `wanted`, over all names or those of `among`.

    Unknown types are left out where something known is wanted, and bytes where anything is: a tool
    that reads bytes says so.
    """
    anything, of_media, kinds = is_open(wanted), holds_media(wanted), kinds_of(wanted)
    if "number" in kinds:
        kinds |= {"integer"}
    return [
        reference.text
        for name, given in types.items()
        if among is None or name in among
        for reference in references(name, given, steps=0 if anything else 1)
        if reference.media == of_media and (anything or _surely(reference, wanted, kinds))
    ]


def _surely(given: Reference, wanted: Type, kinds: frozenset[str]) -> bool:
    """Most are of none of the kinds that are wanted, and need no words for what is amiss."""
    if given.kinds and kinds and not given.kinds <= kinds:
        return False
    return not is_open(given.type) and fits(given.type, wanted) is None


def scalars(types: Mapping[str, Type], *, among: Collection[str] | None = None) -> list[str]:
    """Every reference that reads well inside an f-string."""
    return [
        reference.text
        for name, given in types.items()
        if among is None or name in among
        for reference in references(name, given)
        if reference.kinds & SCALARS
    ]


def only(given: Type) -> Type | None:
    """The one known member of a type; None for unions and unknowns."""
    members = alternatives(given)
    return members[0] if len(members) == 1 and not is_unknown(members[0]) else None


def kinds_of(given: Type) -> frozenset[str]:
    """The JSON kinds of a type's values; empty where they may be anything."""
    kinds = [None if is_unknown(member) else kind_of(member) for member in alternatives(given)]
    return frozenset() if None in kinds else frozenset(kind for kind in kinds if kind)


def is_open(given: Type) -> bool:
    """Whether a value may be anything."""
    return any(is_unknown(member) for member in alternatives(given))


def media_type(member: Type) -> str | None:
    """The media type of an artifact's type, `*/*` where any will do; None for other values."""
    if "contentMediaType" in member.schema:
        return str(member.schema["contentMediaType"])
    is_object = kind_of(member) == "object"
    return "*/*" if is_object and "sha256" in properties_of(member) else None


def holds_media(given: Type) -> bool:
    """Whether a value is an artifact or a list of them."""
    member = only(given)
    if member is None:
        return False
    if media_type(member) is not None:
        return True
    inside = only(element_of(member)) if kind_of(member) == "array" else None
    return inside is not None and media_type(inside) is not None
