"""Planners: what turns a task into the patches of a plan.

`program` writes plans in the plan language (statement by statement under a grammar where the model
is small), `tool_calls` uses a model's native tool calling, `Fixed` is a plan you wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentkit.errors import UsageError
from agentkit.planners.fixed import Fixed
from agentkit.planners.program import Program
from agentkit.planners.tool_calls import ToolCalls

if TYPE_CHECKING:
    from agentkit.protocols import Planner

__all__ = ["Fixed", "Program", "ToolCalls", "planner"]


def planner(given: Planner | str) -> Planner:
    """The planner itself, or the one of this name: `"program"`, `"tool_calls"`.

    Raises `UsageError` for another name.

    >>> type(planner("program")).__name__
    'Program'
    """
    if not isinstance(given, str):
        return given
    if given == "program":
        return Program()
    if given == "tool_calls":
        return ToolCalls()
    raise UsageError(
        f"expected a planner or one of the names 'program', 'tool_calls'; came {given!r}"
    )
