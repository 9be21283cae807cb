"""What the operators of the language do with JSON values, within the bounds."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from agentkit.errors import EvaluationError
from agentkit.nearest import nearest
from agentkit.plan.bounds import Frame, checked_size, finite
from agentkit.types import Json

MAX_WIDTH = 999
"""Of a padded number or text in an f-string."""

Operator = Callable[[Frame, Json, Json], Json]


def kind(value: Json) -> str:
    """The JSON word for what a value is, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "an object"


def step_into(value: Json, key: Json) -> Json:
    """A field of an object, or an element of a list or text. Raises `EvaluationError`."""
    inside: Any = value
    try:
        found: Json = inside[key]
    except (KeyError, IndexError, TypeError):
        raise EvaluationError(_missing(value, key)) from None
    return found


def _missing(value: Json, key: Json) -> str:
    if isinstance(value, dict):
        near = nearest(str(key), value)
        hint = f"; did you mean {near!r}?" if near else ""
        names = ", ".join(map(repr, list(value)[:12])) or "none"
        return f"expected one of the fields {names}; found {key!r}{hint}"
    if isinstance(value, list | str) and isinstance(key, int):
        return f"expected an index below {len(value)}; found {key}"
    holder = "an object" if isinstance(key, str) else "a list"
    return f"expected {holder} to look up {key!r} in; found {kind(value)}"


def elements(value: Json) -> Iterable[Json]:
    """What a comprehension goes through: a list, an object's keys, a text's characters."""
    if isinstance(value, list | str | dict):
        return value
    raise EvaluationError(f"expected a list to go through; found {kind(value)}")


def add(frame: Frame, left: Json, right: Json) -> Json:
    """Numbers, or two texts, or two lists."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        return finite(left + right)
    if isinstance(left, str) and isinstance(right, str):
        checked_size(len(left) + len(right))
        frame.spend((len(left) + len(right)) >> 6)
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        checked_size(len(left) + len(right), 8)
        frame.spend(len(left) + len(right))
        return left + right
    raise EvaluationError(f"expected two of a kind to add; found {kind(left)} and {kind(right)}")


def multiply(frame: Frame, left: Json, right: Json) -> Json:
    """Numbers, or a text or list repeated."""
    if isinstance(left, int) and isinstance(right, str | list):
        left, right = right, left
    if isinstance(left, str | list) and isinstance(right, int):
        length = len(left) * max(right, 0)
        checked_size(length, 8 if isinstance(left, list) else 1)
        frame.spend(length >> 6 if isinstance(left, str) else length)
        return left * right
    return arithmetic(operator.mul)(frame, left, right)


def power(frame: Frame, left: Json, right: Json) -> Json:
    """Numbers; an integer power is refused before it is computed where it would be too large."""
    if isinstance(left, int) and isinstance(right, int) and abs(left) > 1:
        finite(1 << min((left.bit_length() - 1) * max(right, 0), 1 << 12))  # the least it can be
    return arithmetic(lambda base, exponent: base**exponent)(frame, left, right)


def arithmetic(function: Callable[[Any, Any], Any]) -> Operator:
    """The operator on two numbers."""

    def on_numbers(frame: Frame, left: Json, right: Json) -> Json:
        if isinstance(left, int | float) and isinstance(right, int | float):
            return finite(function(left, right))
        raise EvaluationError(f"expected two numbers; found {kind(left)} and {kind(right)}")

    return on_numbers


def _weighed(function: Callable[[Any, Any], bool]) -> Operator:
    def compare(frame: Frame, left: Json, right: Json) -> Json:
        frame.weigh(left)
        frame.weigh(right)
        return function(left, right)

    return compare


def _is(frame: Frame, left: Json, right: Json) -> bool:
    return left is right


def _is_not(frame: Frame, left: Json, right: Json) -> bool:
    return left is not right


BINARY: dict[type[ast.operator], Operator] = {
    ast.Add: add,
    ast.Sub: arithmetic(operator.sub),
    ast.Mult: multiply,
    ast.Div: arithmetic(lambda left, right: left / right),
    ast.FloorDiv: arithmetic(lambda left, right: left // right),
    ast.Mod: arithmetic(operator.mod),
    ast.Pow: power,
}

COMPARE: dict[type[ast.cmpop], Operator] = {
    ast.Eq: _weighed(operator.eq),
    ast.NotEq: _weighed(operator.ne),
    ast.Lt: _weighed(operator.lt),
    ast.LtE: _weighed(operator.le),
    ast.Gt: _weighed(operator.gt),
    ast.GtE: _weighed(operator.ge),
    ast.In: _weighed(lambda left, right: left in right),
    ast.NotIn: _weighed(lambda left, right: left not in right),
    ast.Is: _is,
    ast.IsNot: _is_not,
}


def formatted(frame: Frame, value: Json, conversion: int, spec: str) -> str:
    """One `{value!r:>8}` of an f-string. `c` and widths beyond `MAX_WIDTH` are refused."""
    frame.weigh(value)
    if spec.endswith("c") or any(int(n[:9]) > MAX_WIDTH for n in re.findall(r"\d+", spec)):
        raise EvaluationError(f"expected a format within {MAX_WIDTH} characters; found {spec!r}")
    if conversion != -1:
        value = _CONVERSIONS[conversion](value)
    text = format(value, spec)
    frame.spend(len(text) >> 6)
    return text


_CONVERSIONS: dict[int, Callable[[Json], str]] = {ord("s"): str, ord("r"): repr, ord("a"): ascii}
