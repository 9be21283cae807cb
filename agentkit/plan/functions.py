"""The pure functions that an expression may call, on JSON values and within the bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentkit.errors import EvaluationError
from agentkit.plan.bounds import MAX_STEPS, Frame, finite
from agentkit.plan.operators import add, elements, kind
from agentkit.plan.purity import MAX_INT_BITS
from agentkit.types import Json

Function = Callable[..., Json]


def _len(frame: Frame, value: Json) -> Json:
    if isinstance(value, str | list | dict):
        return len(value)
    raise EvaluationError(f"expected a list, an object or a text; found {kind(value)}")


def _sum(frame: Frame, values: Json, start: Json = 0) -> Json:
    total = start
    for value in elements(values):
        frame.spend(1)
        total = add(frame, total, value)
    return total


def _round(frame: Frame, value: Any, ndigits: Any = None) -> Json:
    # Python makes 10**-ndigits first, and no number here has as many digits as that bound.
    least = -MAX_INT_BITS
    return finite(round(value, max(ndigits, least) if isinstance(ndigits, int) else ndigits))


def _range(frame: Frame, *bounds: Any) -> Json:
    numbers = range(*bounds)
    if len(numbers) > MAX_STEPS:
        raise EvaluationError(f"expected at most {MAX_STEPS} numbers; found {len(numbers)}")
    frame.spend(len(numbers))
    return list(numbers)


def _zip(frame: Frame, *lists: Json) -> Json:
    return [list(row) for row in zip(*map(elements, lists), strict=False)]


def _enumerate(frame: Frame, values: Json, start: Any = 0) -> Json:
    return [[number, value] for number, value in enumerate(elements(values), start)]


def _dict(frame: Frame, pairs: Any = (), /, **named: Json) -> Json:
    made: dict[Any, Json] = dict(pairs, **named)
    for key in made:
        if not isinstance(key, str):
            raise EvaluationError(f"expected texts as the keys of an object; found {key!r}")
    return made


def _int(frame: Frame, value: Any = 0) -> Json:
    return finite(int(value))


def _float(frame: Frame, value: Any = 0.0) -> Json:
    return finite(float(value))


def _plain(function: Callable[..., Any]) -> Function:
    def without_frame(frame: Frame, *args: Any, **named: Any) -> Json:
        value: Json = function(*args, **named)
        return value

    return without_frame


CALLS: dict[str, Function] = {
    "len": _len,
    "min": _plain(min),
    "max": _plain(max),
    "sum": _sum,
    "round": _round,
    "abs": _plain(abs),
    "sorted": _plain(sorted),
    "str": _plain(str),
    "int": _int,
    "float": _float,
    "bool": _plain(bool),
    "any": _plain(any),
    "all": _plain(all),
    "range": _range,
    "zip": _zip,
    "enumerate": _enumerate,
    "list": _plain(list),
    "dict": _dict,
}

UNWEIGHED = frozenset(("len", "bool", "range", "sum"))
"""These do not go through their arguments, or count for themselves."""
