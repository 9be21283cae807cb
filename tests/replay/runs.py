"""An agent with a scripted model and one tool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentkit import Agent, tool
from agentkit.store import Store
from agentkit.testing import Answer, ScriptedModel

PLAN = """a = look(n=1)
b = look(n=a + 1)
c = look(n=10)
many = [look(n=x) for x in [a, b, 5]]
if b > 100:
    d = look(n=0)
answer(f"{b} {c} {many}")
"""


@tool(effect="read")
async def look(n: int) -> int:
    """Look."""
    return n + 1


def scripted(store: Store, *replies: Answer, tools: Sequence[Any] = (look,), **other: Any) -> Any:
    """An agent whose model says these."""
    return Agent(model=ScriptedModel(replies=replies), tools=tools, store=store, **other)
