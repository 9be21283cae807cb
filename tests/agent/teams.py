"""Agents that send letters, agents that hand tasks to those, and what holds in all their runs."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from agentkit import Agent, Cost, ToolError, tool
from agentkit.errors import RunPaused
from agentkit.planners import Fixed
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from agentkit.testing.invariants import check_run

SEND = 'a = look(n=1)\ns = send(to="Ann", text=f"{a}")\nanswer(f"{s}")'
SEND_OR_NOT = 'a = look(n=1)\ns = send(to="Ann", text=f"{a}")\nanswer(using=[a, s])'
BOTH = """
a = send(to="Ann", text="hi")
b = send(to="Bob", text="hi")
answer(f"{a}, {b}")
"""
HAND = 'r = clerk(task="Write to Ann.")\nanswer(f"{r}!")'
OR_NOT = 'r = clerk(task="Write to Ann.")\nn = look(n=5)\nanswer(using=[r, n])'
EACH = 'all = [clerk(task=f"Write {n}.") for n in [1, 2]]\nanswer(f"{all}")'


class Post:
    """Letters that were sent, and agents that send them."""

    def __init__(self, **options: Any) -> None:
        self.letters: list[str] = []
        self.looked = 0

        @tool(effect="once", **options)
        async def send(to: str, text: str) -> str:
            """Send a letter."""
            self.letters.append(to)
            return f"{text} to {to}"

        @tool(effect="read", cost=Cost(usd=Decimal(0)))
        async def look(n: int) -> int:
            """Look."""
            self.looked += 1
            return n

        @tool(effect="pure", trusted=False)
        async def broken(n: int) -> int:
            """Fail."""
            raise ToolError("no such page")

        self.tools: list[Any] = [send, look, broken]

    def clerk(self, plan: str = SEND, **options: Any) -> Agent[Any]:
        """The agent that is a tool."""
        given: dict[str, Any] = {"tools": self.tools, "planner": Fixed(plan), **options}
        given.setdefault("model", ScriptedModel(replies=lambda _: "said"))
        return Agent(name="clerk", **given)


def boss(store: Store | str, *tools: Any, plan: str = HAND, **options: Any) -> Agent[Any]:
    """The agent that has it."""
    model = ScriptedModel(replies=lambda _: "told")
    given: dict[str, Any] = {"planner": Fixed(plan), "model": model, **options}
    return Agent(tools=tools, store=store, **given)


async def paused(agent: Agent[Any]) -> RunPaused:
    with pytest.raises(RunPaused) as caught:
        await agent.run("Send it.")
    assert caught.value.run_id is not None
    return caught.value


async def inner_runs(store: Store) -> list[str]:
    found = await store.journal.runs()
    return sorted(run.run for run in found if run.within)


async def replays(agent: Agent[Any], run: str) -> None:
    """The run keeps the rules, and comes to the same again with nothing outside."""
    async with asyncio.timeout(60):
        store = agent.store
        assert isinstance(store, Store)
        for each in (run, *await inner_runs(store)):
            check_run(await store.journal.events(each))
        before = [len(await store.journal.events(each)) for each in await inner_runs(store)]
        await agent.replay(run)
        after = [len(await store.journal.events(each)) for each in await inner_runs(store)]
        assert before == after
