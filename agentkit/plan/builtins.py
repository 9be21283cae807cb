"""What each pure function of the language takes and gives, as types."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from agentkit.plan.rules import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    NUMERIC,
    STRING,
    binary,
    each,
    elements,
    object_of,
    tuple_of,
)
from agentkit.plan.types import UNKNOWN, Type, element_of, is_unknown, kind_of, of, union

Rule: TypeAlias = Callable[[Sequence[Type], Mapping[str, Type]], Type | None]
"""From the types of positional and named arguments to the result's; None where they do not fit."""


@dataclass(frozen=True, slots=True)
class Function:
    """A pure function: its result's type, what it takes in words, how many arguments by place.

    Which keywords it takes is decided where the text is read, see `purity`.
    """

    result: Rule
    takes: str
    least: int = 1
    most: int | None = 1


def _one(kinds: frozenset[str], result: Callable[[Type], Type]) -> Rule:
    def rule(args: Sequence[Type], named: Mapping[str, Type]) -> Type | None:
        if not args:
            return result(INTEGER)
        return each(args[0], lambda one: result(one) if kind_of(one) in kinds else None)

    return rule


def _whole(member: Type) -> Type:
    return NUMBER if kind_of(member) == "number" else INTEGER


def _length(member: Type) -> Type:
    return INTEGER


def _extreme(args: Sequence[Type], named: Mapping[str, Type]) -> Type | None:
    found = list(args)
    if len(args) == 1:
        element = elements(args[0])
        if element is None:
            return None
        found = [element]
    return union([*found, *named.values()])


def _sum(args: Sequence[Type], named: Mapping[str, Type]) -> Type | None:
    element = elements(args[0])
    start = named.get("start", args[1] if len(args) > 1 else INTEGER)
    return None if element is None else binary(ast.Add(), start, element)


def _round(args: Sequence[Type], named: Mapping[str, Type]) -> Type | None:
    digits = bool(named) or len(args) > 1
    return _one(NUMERIC, _whole if digits else _length)(args, named)


def _sorted(args: Sequence[Type], named: Mapping[str, Type]) -> Type | None:
    element = elements(args[0])
    return None if element is None else of("array", items=element)


def _text(args: Sequence[Type], named: Mapping[str, Type]) -> Type:
    return STRING


def _truth(args: Sequence[Type], named: Mapping[str, Type]) -> Type:
    return BOOLEAN


def _any(args: Sequence[Type], named: Mapping[str, Type]) -> Type | None:
    return None if elements(args[0]) is None else BOOLEAN


def _range(args: Sequence[Type], named: Mapping[str, Type]) -> Type | None:
    def integer(member: Type) -> Type | None:
        return INTEGER if kind_of(member) in ("integer", "boolean") else None

    if any(each(arg, integer) is None for arg in args):
        return None
    return of("array", items=INTEGER)


def _zip(args: Sequence[Type], named: Mapping[str, Type]) -> Type | None:
    parts = [elements(arg) for arg in args]
    known = [part for part in parts if part is not None]
    return of("array", items=tuple_of(known)) if len(known) == len(parts) else None


def _enumerate(args: Sequence[Type], named: Mapping[str, Type]) -> Type | None:
    element = elements(args[0])
    return None if element is None else of("array", items=tuple_of([INTEGER, element]))


def _list(args: Sequence[Type], named: Mapping[str, Type]) -> Type | None:
    return _sorted(args, named) if args else of("array", maxItems=0)


def _dict(args: Sequence[Type], named: Mapping[str, Type]) -> Type | None:
    if not args:
        return object_of(named)
    found = each(args[0], _dict_of)
    return None if found is None else UNKNOWN if named else found


def _dict_of(member: Type) -> Type | None:
    """A copy of an object, or an object made of pairs."""
    if kind_of(member) == "object":
        return member
    if kind_of(member) != "array":
        return None
    pair = element_of(member)
    if is_unknown(pair) or kind_of(pair) != "array":
        return of("object")
    return of("object", additionalProperties=element_of(pair, 1))


_SIZED = frozenset(("array", "object", "string"))
_READABLE = NUMERIC | {"string"}
_LISTS = "a list"

FUNCTIONS: Mapping[str, Function] = {
    "len": Function(_one(_SIZED, _length), "a list, an object or a text"),
    "min": Function(_extreme, "a list or several values", most=None),
    "max": Function(_extreme, "a list or several values", most=None),
    "sum": Function(_sum, "a list of numbers", most=2),
    "round": Function(_round, "a number", most=2),
    "abs": Function(_one(NUMERIC, _whole), "a number"),
    "sorted": Function(_sorted, _LISTS),
    "str": Function(_text, "a value", least=0),
    "int": Function(_one(_READABLE, _length), "a number or a text", least=0),
    "float": Function(_one(_READABLE, lambda _: NUMBER), "a number or a text", least=0),
    "bool": Function(_truth, "a value", least=0),
    "any": Function(_any, _LISTS),
    "all": Function(_any, _LISTS),
    "range": Function(_range, "integers", most=3),
    "zip": Function(_zip, "lists", least=0, most=None),
    "enumerate": Function(_enumerate, _LISTS, most=2),
    "list": Function(_list, _LISTS, least=0),
    "dict": Function(_dict, "pairs or named values", least=0),
}
