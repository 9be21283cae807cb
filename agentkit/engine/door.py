"""A tool's door: what goes in is validated, what comes out too, and the error names the tool."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from math import isfinite
from typing import Any, Final, cast

from agentkit.errors import ToolError
from agentkit.tool import Context, Tool
from agentkit.types import Json

MOST_DIGITS: Final = sys.int_info.default_max_str_digits
_BEYOND: Final[int] = 10**MOST_DIGITS


class WrongArgument(ToolError):
    """The values that a plan led to a tool are not what it takes."""


class WrongType(ToolError):
    """A tool did not return what it says it returns."""


def prepared(tool: Tool, args: Mapping[str, Json], context: Context) -> dict[str, Any]:
    """The function's keyword arguments. Raises `WrongArgument`, naming tool and argument."""
    try:
        return tool.prepare(args, context)
    except ValueError as error:
        raise WrongArgument(f"{tool.name}: {error}") from error


def finished(tool: Tool, result: Any, context: Context) -> Json:
    """The result as JSON. Raises `WrongType`, naming tool and field."""
    try:
        return readable(tool.finish(result, context), "result")
    except ValueError as error:
        raise WrongType(f"{tool.name}: {error}") from error


def readable(value: Json, what: str) -> Json:
    """The value itself. Raises `ValueError` for a number in it that no reader of the journal takes:
    NaN and infinity are no JSON, and Python does not read an integer of more digits."""
    if isinstance(value, str) or (isinstance(value, int) and -_BEYOND < value < _BEYOND):
        return value  # as most are
    left: list[Collection[Json]] = [[value]]
    while left:
        values = left.pop()
        kinds = set(map(type, values))  # results may be long, and most are texts or numbers
        if int in kinds and _is_one_long([one for one in values if isinstance(one, int)]):
            raise ValueError(
                f"{what}: expected integers of at most {MOST_DIGITS} digits, came a longer one; "
                "give it as text"
            )
        if float in kinds and not all(isfinite(one) for one in values if isinstance(one, float)):
            raise ValueError(
                f"{what}: expected numbers that JSON has, came NaN or infinity; give None or a text"
            )
        if list in kinds:
            left += [one for one in values if isinstance(one, list)]
        if dict in kinds:
            left += [one.values() for one in values if isinstance(one, dict)]
    return value


def _is_one_long(integers: Sequence[int]) -> bool:
    return max(integers) >= _BEYOND or min(integers) <= -_BEYOND


def results_of(tool: Tool, returned: object, count: int) -> Sequence[Any]:
    """The results of a batch, one for each item. Raises `WrongType`."""
    if not isinstance(returned, list | tuple):
        raise WrongType(f"{tool.name}: expected a list of {count} results; came {returned!r:.200}")
    results = cast("Sequence[Any]", returned)
    if len(results) != count:
        raise WrongType(f"{tool.name}: expected {count} results; came {len(results)}")
    return results
