"""A server in this process, over a real socket."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from agentkit import Agent
from agentkit.engine.tasks import Tasks
from agentkit.serve.app import app
from agentkit.serve.bounds import Bounds
from agentkit.serve.guard import names_of
from agentkit.serve.page import OPEN, routes
from agentkit.serve.server import Server, serving
from agentkit.serve.start import listening, serve_at
from agentkit.store import Store, open_store
from tests.serve.agents import echo

TOKEN = "the-token"


@dataclass(frozen=True)
class Served:
    """A running server, and a client that has its token."""

    server: Server
    url: str
    http: httpx2.AsyncClient
    stop: Callable[[], Awaitable[None]]

    @property
    def store(self) -> Store:
        return self.server.store


@asynccontextmanager
async def serve(
    store: Store, bounds: Bounds | None = None, **agents: Agent[Any]
) -> AsyncGenerator[Served]:
    """Serves the agents until the block ends."""
    found: dict[str, Agent[Any]] = {"echo": echo, **agents}
    async with serving(found, store, clock=time.time, bounds=bounds) as server:
        with listening("127.0.0.1", 0) as socket:
            url = f"http://127.0.0.1:{socket.getsockname()[1]}"
            names, pages = names_of("127.0.0.1"), routes(server, TOKEN)
            whole = app(server, token=TOKEN, names=names, routes=pages, open=OPEN)
            tasks = Tasks()
            tasks.spawn(serve_at(socket, whole, server))
            headers = {"Authorization": f"Bearer {TOKEN}"}
            try:
                async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
                    yield Served(server, url, http, tasks.close)
            finally:
                await tasks.close()


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    """A store in memory."""
    store = open_store("memory")
    yield store
    await store.close()


@pytest.fixture
async def served(store: Store) -> AsyncIterator[Served]:
    """`echo` over a real socket."""
    async with serve(store) as running:
        yield running
