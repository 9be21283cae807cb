"""What becomes of a start while the run of an earlier one goes on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Literal, TypeAlias

from agentkit.cli.starts.start import Start
from agentkit.engine.tasks import Tasks

Overlap: TypeAlias = Literal["skip", "queue", "together"]
"""A start while another run goes on: there is none, it waits its turn, or both go on."""


class Starts:
    """The runs of a schedule.

    `carry_on` runs a start to its end and is cancelled to stop it; `made` tells whether a start has
    its run already; `say` hears of everything that is not started.
    """

    def __init__(
        self,
        carry_on: Callable[[Start], Coroutine[Any, Any, None]],
        made: Callable[[Start], Awaitable[bool]],
        overlap: Overlap,
        say: Callable[[str], object],
    ) -> None:
        self._carry_on, self._made = carry_on, made
        self._overlap, self._say = overlap, say
        self._running: dict[str, Start] = {}
        self._waiting: deque[Start] = deque()
        self._tasks = Tasks()

    async def offer(self, start: Start) -> None:
        """Starts it, now or later, unless it was started before or overlaps as it must not."""
        known = {*self._running, *(one.run for one in self._waiting)}
        if start.run in known or await self._made(start):
            return
        if not self._running or self._overlap == "together":
            self._begin(start)
        elif self._overlap == "queue":
            self._waiting.append(start)
            self._say(f"waits: {start.about}; {len(self._waiting)} in the queue")
        else:
            still = ", ".join(self._running)
            self._say(f"skipped: {start.about}; run {still} still goes on")

    def _begin(self, start: Start) -> None:
        self._running[start.run] = start
        self._tasks.spawn(self._carry_on(start), partial(self._ended, start))

    def _ended(self, start: Start, task: asyncio.Task[None]) -> None:
        self._tasks.forget(task)
        del self._running[start.run]
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            self._say(f"run {start.run}: {type(error).__name__}: {error}")
        if self._waiting and not self._running:
            self._begin(self._waiting.popleft())

    async def close(self) -> list[str]:
        """Stops what runs, says what was waiting, and gives the ids of the runs that were cut."""
        cut = [*self._running]
        for start in self._waiting:
            self._say(f"not started: {start.about}; it was in the queue")
        self._waiting.clear()
        await self._tasks.close()
        return cut
