"""What can be called becomes a tool: a partial, an object, a method; a class does not."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from agentkit import Agent, UsageError, tool
from agentkit.planners import Fixed
from agentkit.tool import as_tool


async def together(a: int, b: int) -> int:
    """Both together."""
    return a + b


def test_a_partial_is_the_function_that_it_fills() -> None:
    made = as_tool(functools.partial(together, b=2))
    assert (made.name, made.description, made.runs) == ("together", "Both together.", "loop")
    plan = Fixed("t = together(a=1)\nanswer(f'{t}')")
    agent = Agent(model="test:", tools=[made], planner=plan, store="memory")
    assert agent.run_sync("Add.").answer == "3"


class Counter:
    def __init__(self, start: int) -> None:
        self.start = start

    def __call__(self, n: int) -> int:
        return self.start + n


@pytest.mark.parametrize("made", [Counter, int, functools.partial(Counter, 3)])
def test_a_class_is_no_tool_and_its_objects_may_be(made: Any) -> None:
    with pytest.raises(UsageError, match="is a class, and a tool is a function"):
        as_tool(made)
    plan = Fixed("c = Counter(n=4)\nanswer(f'{c}')")
    agent = Agent(model="test:", tools=[Counter(3)], planner=plan, store="memory")
    assert agent.run_sync("Count on.").answer == "7"


class Clock:
    def later(self, n: int) -> int:
        return n + 1


def test_a_method_becomes_a_tool_with_its_object() -> None:
    with pytest.raises(UsageError, match=r"tool\(…\)\(thing\.later\)"):
        tool(Clock.later)
    assert tool(effect="pure")(Clock().later)(1) == 2
