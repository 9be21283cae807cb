"""The runs that this process carries on. Each goes on whoever listens, until it ends or is stopped.

A run that is stopped, or whose server stops, ends `cancelled` in its journal: it can be resumed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, contextmanager, suppress
from functools import partial

from agentkit.engine.tasks import Tasks
from agentkit.errors import AgentkitError
from agentkit.events import Event
from agentkit.serve.counts import Counts
from agentkit.serve.refused import Refused


class Live:
    """At most so many runs at once. `say` hears what no journal tells."""

    def __init__(self, most: int, counts: Counts, say: Callable[[str], object]) -> None:
        self._most, self._counts, self._say = most, counts, say
        self._tasks = Tasks()
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._beginning = 0
        self._held: set[str] = set()
        self._stopping = False

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, run: str) -> bool:
        return run in self._runs

    async def begin(self, events: AsyncGenerator[Event, None]) -> Event:
        """The first event of a run that goes on here from now on.

        Raises `Refused` where enough go on already, and what kept the run from beginning.
        """
        if self._stopping:
            await events.aclose()
            raise Refused(503, "the server is stopping", code="stopping", retry_after_s=5)
        if len(self._runs) + self._beginning >= self._most:
            await events.aclose()
            raise Refused(
                429,
                f"{self._most} runs go on already; try again when one has ended",
                code="too_many_runs",
                retry_after_s=5,
            )
        self._beginning += 1
        try:
            first = await anext(events)
        except BaseException:
            await events.aclose()
            raise
        finally:
            self._beginning -= 1
        run = first.run
        self._counts.begun[str(first.data.get("agent"))] += 1
        self._runs[run] = self._tasks.spawn(self._carry(run, events), partial(self._ended, run))
        return first

    @contextmanager
    def held(self, run: str) -> Generator[None]:
        """Nobody else decides about this run, or begins it again, until the block ends.

        Raises `Refused` where somebody does so now, or where it goes on here.
        """
        if run in self._held or run in self._runs:
            raise Refused(409, f"run {run} goes on already", code="run_goes_on")
        self._held.add(run)
        try:
            yield
        finally:
            self._held.discard(run)

    async def cancel(self, run: str) -> bool:
        """Stop a run and wait for its end. False where it does not go on here."""
        task = self._runs.get(run)
        if task is None:
            return False
        task.cancel()
        await asyncio.wait([task])
        return True

    async def at_rest(self, run: str) -> None:
        """Returns once nothing of this run goes on here: for one whose journal has its end."""
        if (task := self._runs.get(run)) is not None:
            await asyncio.wait([task])

    async def close(self) -> None:
        """Stop them all; each can be resumed. No other one begins."""
        self._stopping = True
        await self._tasks.close()

    async def _carry(self, run: str, events: AsyncGenerator[Event, None]) -> None:
        status = "cancelled"
        try:
            with suppress(AgentkitError):  # its journal says how it ended
                async with aclosing(events):
                    async for event in events:
                        if event.type == "run.ended":
                            status = str(event.data["status"])
        finally:
            self._counts.ended[status] += 1

    def _ended(self, run: str, task: asyncio.Task[None]) -> None:
        self._tasks.forget(task)
        del self._runs[run]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._say(f"run {run}: {type(error).__name__}: {error}")
