"""What the operations of a server share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from agentkit.agent import Agent
from agentkit.memory import Conversation
from agentkit.nearest import nearest
from agentkit.protocols import Clock
from agentkit.serve.bounds import Bounds
from agentkit.serve.counts import Counts
from agentkit.serve.live import Live
from agentkit.serve.refused import Refused
from agentkit.serve.stream import Streams
from agentkit.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The agents by their names, all in one store; what goes on; since when."""

    agents: Mapping[str, Agent[Any]]
    store: Store
    bounds: Bounds
    live: Live
    streams: Streams
    counts: Counts
    clock: Clock
    began: float

    def agent(self, name: str, *, param: str = "model") -> Agent[Any]:
        """Raises `Refused` where no agent has the name."""
        found = self.agents.get(name)
        if found is None:
            near = nearest(name, self.agents)
            hint = f"; did you mean {near!r}?" if near else f"; there are: {', '.join(self.agents)}"
            raise Refused(
                404, f"there is no agent {name!r}{hint}", code="model_not_found", param=param
            )
        return found


@asynccontextmanager
async def serving(
    agents: Mapping[str, Agent[Any]],
    store: Store,
    *,
    clock: Clock,
    bounds: Bounds | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> AsyncGenerator[Server]:
    """A server of these agents. When the block ends, streams end, and what still runs is stopped
    so that it can be resumed. Raises `UsageError` where an agent lacks something.

    `say` hears of what no journal tells. The store is the caller's to close.
    """
    bounds, counts = bounds or Bounds(), Counts()
    ready = {name: await asyncio.to_thread(_ready, agents[name], name, store) for name in agents}
    server = Server(
        agents=ready,
        store=store,
        bounds=bounds,
        live=Live(bounds.runs, counts, say),
        streams=Streams(bounds.streams),
        counts=counts,
        clock=clock,
        began=clock(),
    )
    try:
        yield server
    finally:
        await stop(server)


async def stop(server: Server) -> None:
    """Every run that goes on ends `cancelled`, then every stream ends."""
    await server.live.close()
    await server.streams.close()


def _ready(agent: Agent[Any], name: str, store: Store) -> Agent[Any]:
    """The agent with all that it names resolved, once for the server's life: what answers a request
    is a copy of it that differs in little, and must not load a model anew."""
    named = replace(agent, name=name, store=store)
    equipment = named.equipment(store)
    return replace(
        named,
        model=equipment.model,
        planner=equipment.planner,
        tools=[*equipment.tools.values()],
        memory=agent.memory or [Conversation(store.journal)],
    )
