"""Two runs compared: plans as text, nodes by what they were given and came to."""

from __future__ import annotations

from typing import Any

import pytest

from agentkit import Agent, open_store, tool
from agentkit.diff import diff, plan_diff
from agentkit.outcome import Outcome
from agentkit.planners import Fixed
from agentkit.store import Store
from agentkit.testing import ScriptedModel

pytestmark = pytest.mark.anyio

PLAN = "a = look(n={n})\nb = look(n=a)\nc = look(n=7)\nanswer(f'{{b}}')"


@tool(effect="read")
async def look(n: int) -> int:
    """Look."""
    return n + 1


@pytest.fixture
async def store() -> Any:
    """A store in memory."""
    opened = open_store("memory")
    yield opened
    await opened.close()


def agent(store: Store, plan: str) -> Agent[Any]:
    """An agent with one plan."""
    return Agent(model=ScriptedModel(), tools=[look], planner=Fixed(plan), store=store)


async def test_what_differs_is_said_and_nothing_else(store: Store) -> None:
    one, other = agent(store, PLAN.format(n=1)), agent(store, PLAN.format(n=5))
    first, second = await one.run("Look."), await other.run("Look.")
    found = diff(await one.events(first.id), await one.events(second.id))
    assert found.runs == (first.id, second.id)
    assert [line for line in found.plan if line[0] in "+-"] == [
        "- a = look(n=1)",
        "+ a = look(n=5)",
    ]
    a, b = found.nodes
    assert (a.node, a.before.args, a.after.args, a.given) == ("a", {"n": 1}, {"n": 5}, True)
    assert (b.node, b.after.outcome and b.after.outcome.value) == ("b", 7)
    assert found.answers == ("3", "7")


async def test_two_runs_of_one_plan_are_the_same(store: Store) -> None:
    one = agent(store, PLAN.format(n=1))
    first, second = await one.run("Look."), await one.run("Look.")
    assert diff(await one.events(first.id), await one.events(second.id)).same


async def test_a_node_of_one_run_only_is_on_one_side(store: Store) -> None:
    one = agent(store, PLAN.format(n=1))
    other = agent(store, "a = look(n=1)\nanswer(f'{a}')")
    first, second = await one.run("Look."), await other.run("Look.")
    found = diff(await one.events(first.id), await one.events(second.id))
    assert [node.node for node in found.nodes] == ["b", "c"]
    assert isinstance(found.nodes[0].before.outcome, Outcome)
    assert found.nodes[0].after.outcome is None
    assert plan_diff(first.plan, first.plan) == []
