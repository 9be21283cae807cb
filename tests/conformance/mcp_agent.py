"""An agent for `agentkit mcp --agent`, whose plan is always the same."""

from __future__ import annotations

from agentkit import Agent, tool
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel


@tool(effect="pure")
def add(a: int, b: int) -> int:
    """Sum of two numbers."""
    return a + b


agent = Agent(
    model=ScriptedModel(),
    tools=[add],
    planner=Fixed("three = add(a=1, b=2)\nanswer(f'{three}')"),
    store="memory",
    name="adder",
)
