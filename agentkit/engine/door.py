"""A tool's door: what goes in is validated, what comes out too, and the error names the tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from agentkit.errors import ToolError
from agentkit.tool import Context, Tool
from agentkit.types import Json


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
        return tool.finish(result, context)
    except ValueError as error:
        raise WrongType(f"{tool.name}: {error}") from error


def results_of(tool: Tool, returned: object, count: int) -> Sequence[Any]:
    """The results of a batch, one for each item. Raises `WrongType`."""
    if not isinstance(returned, list | tuple):
        raise WrongType(f"{tool.name}: expected a list of {count} results; came {returned!r:.200}")
    results = cast("Sequence[Any]", returned)
    if len(results) != count:
        raise WrongType(f"{tool.name}: expected {count} results; came {len(results)}")
    return results
