"""A worker that is stopped while a run begins: what the run has said is stored before it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agentkit.events import Event
from agentkit.store import open_store

from .test_worker import gated, working

pytestmark = pytest.mark.anyio
asyncpg: Any = pytest.importorskip("asyncpg")


@asynccontextmanager
async def not_writable(url: str, until: asyncio.Event) -> AsyncGenerator[None]:
    """Events can be read and not written, until this is set."""
    connection = await asyncpg.connect(url)
    lock = connection.transaction()
    await lock.start()
    await connection.execute("LOCK TABLE agentkit.event IN SHARE MODE")

    async def let_go() -> None:
        await until.wait()
        await lock.rollback()

    letting_go = asyncio.create_task(let_go())
    try:
        yield
        await letting_go
    finally:
        letting_go.cancel()
        await connection.close()


async def test_what_was_said_last_is_written_before_the_lease_ends(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(postgres)
    agent, _ = gated(store)
    await agent.submit("go")
    journal, queue = store.journal, store.queue
    assert queue is not None
    append, flush, leave = journal.append, journal.flush, queue.leave
    resumed, stopping, writable = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def appending(event: Event, by: object = None) -> None:
        append(event, by)
        resumed.set()

    async def flushing(run: str | None = None, by: object = None) -> None:
        if stopping.is_set():
            writable.set()
        await flush(run, by)

    async def leaving(worker: str) -> None:
        await leave(worker)
        writable.set()  # too late, if nobody has waited for what is to be written

    monkeypatch.setattr(journal, "append", appending)
    monkeypatch.setattr(journal, "flush", flushing)
    monkeypatch.setattr(queue, "leave", leaving)
    async with not_writable(postgres, writable):
        async with working(store, lambda origin: agent):
            await resumed.wait()
            stopping.set()
    await store.close()  # it would tell of what could not be written
