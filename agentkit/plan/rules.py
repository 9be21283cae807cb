"""The types that the language's operators and pure functions give, and those that they take.

Every rule gives a type, or None where some value of the operands' types has no result.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentkit.plan.types import (
    UNKNOWN,
    Type,
    alternatives,
    element_of,
    is_unknown,
    kind_of,
    of,
    properties_of,
    resolved,
    rest_of,
    union,
)
from agentkit.types import Json

BOOLEAN, INTEGER, NUMBER, STRING = of("boolean"), of("integer"), of("number"), of("string")
NUMERIC = frozenset(("boolean", "integer", "number"))
MOST_LISTED = 16

SYMBOLS: Mapping[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in",
    ast.NotIn: "not in", ast.USub: "-", ast.UAdd: "+",
}  # fmt: skip


def type_of_value(value: Json) -> Type:
    """The narrowest type of a literal; long lists are known by their elements' kinds only."""
    match value:
        case None | bool():
            return Type({"const": value, "type": "null" if value is None else "boolean"}, {})
        case int() | float() | str():
            return Type({"const": value, "type": _scalar_kind(value)}, {})
        case list():
            if len(value) > MOST_LISTED:
                return Type(_kinds(value), {})
            return tuple_of([type_of_value(item) for item in value])
        case dict():
            return object_of({name: type_of_value(item) for name, item in value.items()})


def _scalar_kind(value: int | float | str) -> str:
    return {int: "integer", float: "number", str: "string"}[type(value)]


def _kinds(value: Json) -> dict[str, Any]:
    """The schema of a value by its kinds alone, as plain data, so that like is found equal."""
    match value:
        case None:
            return {"type": "null"}
        case bool():
            return {"type": "boolean"}
        case list():
            found = {repr(schema): schema for schema in map(_kinds, value)}
            items = {"items": {"anyOf": [*found.values()]}} if found else {"maxItems": 0}
            return {"type": "array", **items}
        case dict():
            fields = {name: _kinds(item) for name, item in value.items()}
            closed = {"required": [*fields], "additionalProperties": False}
            return {"type": "object", "properties": fields, **closed}
        case _:
            return {"type": _scalar_kind(value)}


def tuple_of(parts: Sequence[Type]) -> Type:
    """The type of a list with exactly these elements."""
    if not parts:
        return of("array", maxItems=0)
    closed: dict[str, Any] = {"items": False, "minItems": len(parts), "maxItems": len(parts)}
    return of("array", prefixItems=list(parts), **closed)


def object_of(fields: Mapping[str, Type]) -> Type:
    """The type of an object with exactly these fields."""
    return of("object", properties=dict(fields), required=list(fields), additionalProperties=False)


def each(given: Type, rule: Callable[[Type], Type | None]) -> Type | None:
    """The union of what a rule gives for every member of a type."""
    found: list[Type] = []
    for member in alternatives(given):
        result = UNKNOWN if is_unknown(member) else rule(member)
        if result is None:
            return None
        found.append(result)
    return union(found)


def pairs(left: Type, right: Type, rule: Callable[[Type, Type], Type | None]) -> Type | None:
    """The union of what a rule gives for every pair of members of two types."""

    def with_left(one: Type) -> Type | None:
        return each(right, lambda other: rule(one, other))

    return UNKNOWN if is_unknown(resolved(right)) else each(left, with_left)


def binary(operator: ast.operator, left: Type, right: Type) -> Type | None:
    """`left operator right`."""
    return pairs(left, right, lambda one, other: _binary(operator, one, other))


def _binary(operator: ast.operator, left: Type, right: Type) -> Type | None:
    one, other = kind_of(left), kind_of(right)
    if one in NUMERIC and other in NUMERIC:
        if isinstance(operator, ast.Div) or "number" in (one, other):
            return NUMBER
        if isinstance(operator, ast.Pow):
            exponent = right.schema.get("const")
            return INTEGER if exponent is not None and exponent >= 0 else NUMBER
        return INTEGER
    if isinstance(operator, ast.Add) and one == other == "string":
        return STRING
    if isinstance(operator, ast.Add) and one == other == "array":
        return of("array", items=union((element_of(left), element_of(right))))
    if isinstance(operator, ast.Mult):
        for repeated, times in ((left, other), (right, one)):
            if times in ("integer", "boolean") and kind_of(repeated) in ("string", "array"):
                is_text = kind_of(repeated) == "string"
                return STRING if is_text else of("array", items=element_of(repeated))
    return None


def unary(given: Type) -> Type | None:
    """`-given` or `+given`."""
    return each(given, lambda one: _numeric(kind_of(one)))


def _numeric(kind: str | None) -> Type | None:
    if kind not in NUMERIC:
        return None
    return NUMBER if kind == "number" else INTEGER


def comparison(operator: ast.cmpop, left: Type, right: Type) -> Type | None:
    """`left operator right`; equality holds between any two values."""
    if isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
        return BOOLEAN
    if isinstance(operator, ast.In | ast.NotIn):
        return pairs(left, right, _contains)
    return pairs(left, right, _ordered)


def _ordered(left: Type, right: Type) -> Type | None:
    one, other = kind_of(left), kind_of(right)
    if one in NUMERIC and other in NUMERIC:
        return BOOLEAN
    return BOOLEAN if one == other and one in ("string", "array") else None


def _contains(item: Type, container: Type) -> Type | None:
    kind = kind_of(container)
    if kind in ("array", "object"):
        return BOOLEAN
    return BOOLEAN if kind == "string" and kind_of(item) == "string" else None


def elements(given: Type) -> Type | None:
    """What a comprehension goes through: elements, an object's keys, a text's characters."""
    return each(given, _elements)


def _elements(member: Type) -> Type | None:
    kind = kind_of(member)
    if kind == "array":
        return element_of(member)
    return STRING if kind in ("object", "string") else None


def looked_up(container: Type, key: Type) -> Type | None:
    """`container[key]` where the key is not known before the run."""
    return pairs(container, key, _looked_up)


def _looked_up(container: Type, key: Type) -> Type | None:
    kind, by = kind_of(container), kind_of(key)
    if by in ("integer", "boolean") and kind in ("array", "string"):
        return element_of(container) if kind == "array" else STRING
    if by == "string" and kind == "object":
        rest = rest_of(container)
        return union((*properties_of(container).values(), *((rest,) if rest else ())))
    return None


def cut(container: Type) -> Type | None:
    """`container[a:b]`."""
    return each(container, _cut)


def _cut(member: Type) -> Type | None:
    kind = kind_of(member)
    if kind == "array":
        return of("array", items=element_of(member))
    return STRING if kind == "string" else None


def formats(given: Type, spec: str) -> bool:
    """Whether every value of the type can be formatted as `{value:spec}`."""
    return not spec or each(given, lambda one: _formats(kind_of(one), spec[-1])) is not None


def _formats(kind: str | None, presentation: str) -> Type | None:
    """The last letter of a specification decides; without one, the alignment suits both."""
    for_integers, for_numbers = "bdoxX", "eEfFgG%n"
    unsuited = {
        "string": for_integers + for_numbers + ",",
        "number": for_integers + "s",
        "integer": "s",
        "boolean": "s",
    }
    return STRING if kind in unsuited and presentation not in unsuited[kind] else None


def truthy(given: Type) -> Type:
    """The type where a value of it counts as true: what is not null."""
    return union(one for one in alternatives(given) if is_unknown(one) or not _is_null(one))


def falsy(given: Type) -> Type:
    """The type where a value of it counts as false: no object with fields is among them."""
    return union(
        one for one in alternatives(given) if is_unknown(one) or not one.schema.get("properties")
    )


def _is_null(member: Type) -> bool:
    return kind_of(member) == "null" or ("const" in member.schema and not member.schema["const"])
