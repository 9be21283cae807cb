"""What the tests of models share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.models.server import Server


@pytest.fixture
async def server() -> AsyncGenerator[Server]:
    """A real HTTP server on this machine, which answers as a test tells it to."""
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener:
        yield server
