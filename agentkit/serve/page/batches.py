"""Events as a page takes them: all that came since it last looked, at most so often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from agentkit.engine.tasks import Tasks
from agentkit.events import Event

PAUSE_S = 0.1
"""Between two looks: what comes faster is shown together."""


async def batches(
    events: AsyncGenerator[Event, None], pause_s: float = PAUSE_S
) -> AsyncGenerator[list[Event], None]:
    """Every event once, in order. `events` is closed at the end, however it comes."""
    came: list[Event] = []
    woken = asyncio.Event()

    async def take() -> None:
        async with aclosing(events):
            async for event in events:
                came.append(event)
                woken.set()

    tasks = Tasks()
    taking = tasks.spawn(take())
    taking.add_done_callback(lambda _: woken.set())
    try:
        while came or not taking.done():
            await woken.wait()
            woken.clear()
            batch = [*came]
            came.clear()
            if batch:
                yield batch
                await asyncio.sleep(pause_s)
            if came or taking.done():
                woken.set()
        taking.result()
    finally:
        await tasks.close()
