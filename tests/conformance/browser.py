"""A browser that looks at a server in this process, over a wire that can be cut."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from agentkit.engine.tasks import Tasks
from agentkit.serve.app import app
from agentkit.serve.guard import names_of
from agentkit.serve.page import OPEN, routes
from agentkit.serve.server import Server, serving
from agentkit.serve.start import listening, serve_at
from agentkit.store import open_store
from tests.conformance.page_agents import Gates, office

if TYPE_CHECKING:
    from playwright.async_api import Browser

TOKEN = "the-token"
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass
class Wire:
    """Carries bytes between a browser and the server, until it is cut."""

    port: int
    whole: bool = True
    _writers: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if not self.whole:
            writer.close()
            return
        inward, outward = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers |= {writer, outward}
        await asyncio.gather(_pump(reader, outward), _pump(inward, writer))
        self._writers -= {writer, outward}

    def cut(self) -> None:
        """Every connection breaks, and none is made."""
        self.whole = False
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Connections are made again."""
        self.whole = True


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@dataclass(frozen=True)
class Shown:
    """A server with the `office` agent, and the address of the wire to it."""

    server: Server
    url: str
    wire: Wire
    gates: Gates


@asynccontextmanager
async def shown() -> AsyncGenerator[Shown]:
    """Serves until the block ends."""
    gates, store = Gates(), open_store("memory")
    async with serving({"office": office(gates)}, store, clock=time.time) as server:
        with listening("127.0.0.1", 0) as socket:
            pages, names = routes(server, TOKEN), names_of("127.0.0.1")
            whole = app(server, token=TOKEN, names=names, routes=pages, open=OPEN)
            tasks = Tasks()
            tasks.spawn(serve_at(socket, whole, server))
            wire = Wire(socket.getsockname()[1])
            relay = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
            port = relay.sockets[0].getsockname()[1]
            try:
                yield Shown(server, f"http://127.0.0.1:{port}", wire, gates)
            finally:
                relay.close()
                wire.cut()
                await tasks.close()
    await store.close()


@asynccontextmanager
async def browsing() -> AsyncGenerator[Browser]:
    """Chromium, without a window. Skips the test where there is none."""
    playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"{CHROMIUM} is not installed")
    async with playwright.async_playwright() as started:
        browser = await started.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield browser
        await browser.close()
