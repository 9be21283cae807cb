"""Starts by the clock. One that is missed is told, and not made up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import TYPE_CHECKING

from agentkit.cli.starts.start import Start, start_at, when
from agentkit.cli.starts.times import Every, Times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentkit.protocols import Clock

LATE_S = 90.0
"""A start is made when its time is no longer past than this; else it is missed."""

LONGEST_SLEEP_S = 60.0
"""Nothing tells a process that its machine slept, or that its clock was set: so it looks."""

MOST_TOLD = 1000


async def by_time(
    times: Times,
    key: str,
    offer: Callable[[Start], Awaitable[None]],
    *,
    last: float | None,
    clock: Clock,
    say: Callable[[str], object],
) -> None:
    """Offers a start at each of the times, until this is cancelled.

    `last` is the newest one that has a run, from an earlier process; without any, one of `Every`
    is offered at once. Where several have become
    due at once, the newest is offered if it is not late, and the others are missed.
    """
    if last is None:
        last = times.first if isinstance(times, Every) else clock()
        if isinstance(times, Every):
            await offer(start_at(last, key))
    say(f"next: {when(times.after(max(last, clock())))}")
    while True:
        now = clock()
        due = [*islice(_between(times, last, now), MOST_TOLD)]
        if len(due) == MOST_TOLD:
            due += _between(times, max(due[-1], now - LATE_S), now)
        if due:
            made = due[-1:] if now - due[-1] <= LATE_S else []
            _tell_missed(due[: len(due) - len(made)], say)
            for moment in made:
                await offer(start_at(moment, key))
            last = due[-1]
        # A clock that was set back must come to `last` again: that start has been made.
        wait_s = times.after(max(last, clock())) - clock()
        await asyncio.sleep(min(max(wait_s, 0.0), LONGEST_SLEEP_S))


def _between(times: Times, after: float, until: float) -> Iterator[float]:
    while (after := times.after(after)) <= until:
        yield after


def _tell_missed(missed: list[float], say: Callable[[str], object]) -> None:
    if missed:
        count = f"{len(missed)}{' or more' * (len(missed) >= MOST_TOLD)}"
        span = when(missed[0]) if len(missed) == 1 else f"{when(missed[0])} to {when(missed[-1])}"
        say(f"missed {count}: due {span}, no run was begun then; not made up")
