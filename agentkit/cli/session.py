"""A conversation over several runs, for agents that bring no memory of their own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.events import Event


async def conversing(
    agent: Agent[Any],
    session: str | None,
    start: Callable[[Agent[Any]], AsyncGenerator[Event, None]],
) -> AsyncGenerator[Event, None]:
    """The events of what `start` does with the agent, which remembers the session's turns."""
    if session is None or agent.memory:
        async with aclosing(start(agent)) as events:
            async for event in events:
                yield event
        return
    from agentkit.memory import Conversation
    from agentkit.store import Store, open_store

    store = agent.store
    if not isinstance(store, Store):
        store = open_store(store, artifacts=agent.artifacts)
    try:
        remembering = replace(agent, store=store, memory=[Conversation(store.journal)])
        async with aclosing(start(remembering)) as events:
            async for event in events:
                yield event
    finally:
        if store is not agent.store:
            await store.close()
