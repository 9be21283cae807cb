"""Runs a task, or a script's `main`, whenever it is to be started, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentkit.cli.exits import ANSWERED
from agentkit.cli.hints import Hints
from agentkit.cli.interrupt import interruptible
from agentkit.cli.starts.asked import Asked
from agentkit.cli.starts.by_file import by_file, changes_in
from agentkit.cli.starts.by_time import by_time
from agentkit.cli.starts.overlap import Starts
from agentkit.cli.starts.start import Start, last_of
from agentkit.text import inert

if TYPE_CHECKING:
    from agentkit.store import Store

_MOST_RUNS = 10_000
"""So many of the newest runs are looked through for those of a schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What is started again and again: `carry_on` runs one start; `key` is what the ids of its runs
    end in."""

    key: str
    asked: Asked
    store: Store
    carry_on: Callable[[Start], Awaitable[None]]
    hints: Hints

    async def keep(self) -> None:
        """Starts what is to be started, until this is cancelled."""
        runs = [
            run
            for run in await self.store.journal.runs(limit=_MOST_RUNS)
            if run.run.endswith(f"-{self.key}")
        ]
        for run in runs:
            if run.status in ("running", "cancelled"):
                say(f"run {run.run} was cut short; {self.hints.stopped(run.run)}")
        starts = Starts(self._carry_on, self._made, self.asked.overlapping, say)
        try:
            if self.asked.watch is not None:
                folder = self.asked.folder()
                say(f"watching {folder}")
                await by_file(folder, changes_in(folder), self.key, starts.offer)
            else:
                last = last_of(runs, self.key)
                times = self.asked.times(last, os.environ)
                await by_time(times, self.key, starts.offer, last=last, clock=time.time, say=say)
        finally:
            for run_id in await starts.close():
                say(f"stopped; {self.hints.stopped(run_id)}")

    async def _made(self, start: Start) -> bool:
        return bool(await self.store.journal.events(start.run))

    async def _carry_on(self, start: Start) -> None:
        say(f"run {start.run}: {start.about}")
        await self.carry_on(start)


def keep_starting(schedule: Schedule) -> int:
    """Ends by Ctrl-C or SIGTERM alone, and that is how it is meant to end."""

    async def kept() -> None:
        try:
            await schedule.keep()
        finally:
            await schedule.store.close()

    with suppress(asyncio.CancelledError):
        interruptible(kept())
    return ANSWERED


def say(text: str) -> None:
    """A line about the starts, on stderr."""
    with suppress(BrokenPipeError):  # nobody listens any more; the runs go on
        print(inert(text), file=sys.stderr, flush=True)
