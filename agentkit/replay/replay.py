"""Executes a journal again, part by part, with stand-ins for all that is outside.

The journal is the schedule: calls begin and come to what they came to in its order, and whatever
the planner, the check, the scheduler and the synthesizer write must be the next event there. A run
that was killed, paused or cancelled and resumed has several parts; each goes on from the fold of
what came before it, as the recorded one did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentkit.carry_on import Equipment, carry_on
from agentkit.errors import StoreError, UsageError
from agentkit.events import Event
from agentkit.fold import fold
from agentkit.record import Recorder
from agentkit.replay.cursor import MAIN, Cursor
from agentkit.replay.journal import ComparingJournal
from agentkit.replay.stand_ins import (
    PacedPlanner,
    ReplayedApprover,
    ReplayedMemory,
    ReplayedModel,
    replayed_tool,
)
from agentkit.store import Store

_SPENT = "the run's budget of "
"""How the error of a run begins that paused because its budget did."""

_ALL_AT_ONCE = 10**9
"""Calls begin when the journal says so: no bound of concurrency keeps them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A replay that came to what its journal has: so many events, in so many parts."""

    run: str
    events: int
    parts: int


async def replay(equipment: Equipment[Any], events: Sequence[Event]) -> Replayed:
    """Raises `Diverged` with the first event that the run would not have today.

    Every decision is compared, everything that is measured (time, seconds) is not. No tool, no
    model, no memory and no person is asked, and nothing is written.
    """
    if not events:
        raise UsageError("expected the events of a run, got none; `agentkit runs` lists the runs")
    events = _renumbered(events)
    parts = [*_parts(events)]
    count = 0
    for start, end in parts:
        count += await _replay_part(equipment, events[: start + 1], events[start + 1 : end])
    return Replayed(run=events[0].run, events=count, parts=len(parts))


def _parts(events: Sequence[Event]) -> Iterator[tuple[int, int]]:
    """Where each part's given event stands, and where the part ends.

    What comes between the end of a part and its resumption was decided from outside. A run that was
    forked begins with what it was given.
    """
    starts = [at for at, event in enumerate(events) if event.type == "run.resumed"]
    if not events[0].data.get("forked"):
        starts.insert(0, 0)
    for start, following in zip(starts, [*starts[1:], len(events)], strict=True):
        ends = (at for at in range(start, following) if events[at].type == "run.ended")
        yield start, next(ends, following - 1) + 1


def _renumbered(events: Sequence[Event]) -> list[Event]:
    """With calls of models counted for each node and purpose, as old journals did not."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for event in events:
        if event.type == "model.called" and event.node is not None:
            by = event.node.rpartition("/model_")[0]
            counts[by] = counts.get(by, 0) + 1
            names[event.node] = f"{by}/model_{counts[by]}"
    return [
        replace(event, node=names.get(event.node, event.node))
        if event.node is not None and event.type in ("model.called", "model.answered")
        else event
        for event in events
    ]


def _made_here(events: Sequence[Event]) -> list[Event]:
    """Without the calls of models that tools made: tools are not executed."""
    running: set[str] = set()
    inside: set[str] = set()
    kept: list[Event] = []
    for event in events:
        name = event.node or ""
        if event.type == "node.started":
            running.add(name)
        elif event.type == "node.ended":
            running.discard(name)
        elif event.type == "model.called":
            by = name.rpartition("/model_")[0]
            if by in running or by != event.data["purpose"]:
                inside.add(name)
        if not (event.type in ("model.called", "model.answered") and name in inside):
            kept.append(event)
    return kept


def _retellable(events: list[Event], *, retaken: bool) -> list[Event]:
    """Up to what came from a reply that a kill cut off: nobody knows it but from accepted patches.
    Up to a pause because the budget was spent: it was another one, maybe, and seconds count in it;
    or because the store failed, which cuts a run off like a kill.

    Names in these depend on what stood before, which a turn that was `retaken` had said already.
    """
    if events and events[-1].type == "run.ended":
        if events[-1].data.get("kind") == StoreError.__name__:
            return _retellable(events[:-1], retaken=retaken)
        return events[:-1] if str(events[-1].data.get("error")).startswith(_SPENT) else events
    answered = {event.node for event in events if event.type == "model.answered"}
    unknown = ("plan.refused", "plan.patched") if retaken else ("plan.refused",)
    cut = False
    for at, event in enumerate(events):
        cut = cut or (event.type == "model.called" and event.node not in answered)
        if cut and event.type in unknown:
            return events[:at]
    return events


async def _replay_part(
    equipment: Equipment[Any], before: Sequence[Event], events: Sequence[Event]
) -> int:
    """How many events are the same."""
    state = fold(before)
    part = _Part(_retellable(_made_here(events), retaken=bool(state.turn_patches)))
    part.asked = {*state.asked}
    journal = ComparingJournal(part.cursor, before)
    recorder = Recorder(state.run, journal, lambda: 0.0, before)
    work = asyncio.create_task(carry_on(part.equipment(equipment, recorder), recorder))
    part.work = work
    part.cursor.start()
    try:
        await asyncio.wait([work])
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    error = None if work.cancelled() else work.exception()
    said = "" if error is None else f": {type(error).__name__}: {error}"
    part.cursor.stopped(f"the end of the run{said}")
    if part.cursor.diverged is not None:
        raise part.cursor.diverged
    return part.cursor.place


class _Part:
    """One part of a run while it is replayed."""

    def __init__(self, events: Sequence[Event]) -> None:
        at, self._kind = _interruption(events)
        self.cursor = Cursor(events, interrupt_at=at, interrupt=self._interrupt)
        self.work: asyncio.Task[Any] | None = None
        self.asked: set[str] = set()
        """The calls that wait since an earlier part: that they do so still is not recorded."""
        self._limit: asyncio.Timeout | None = None

    def equipment(self, real: Equipment[Any], recorder: Recorder) -> Equipment[Any]:
        """The stand-ins for what the agent brings."""
        cursor = self.cursor
        store = Store(
            folder=real.store.folder, journal=recorder.journal, artifacts=real.store.artifacts
        )
        return replace(
            real,
            model=ReplayedModel(real.model, cursor),
            tools={name: replayed_tool(tool, cursor) for name, tool in real.tools.items()},
            planner=PacedPlanner(real.planner, cursor),
            memory=[ReplayedMemory(cursor)],
            limits=replace(real.limits, parallel=_ALL_AT_ONCE),
            store=store,
            approver=ReplayedApprover(cursor),
            # What it has to say about plans is decided again; that it was spent is in the journal.
            budget=None if real.budget is None or real.budget.when_over == "go" else real.budget,
            pace=self._pace,
            time_limit=self._time_limit,
        )

    async def _pace(self, node: str | None) -> None:
        if node in self.asked:
            self.asked.discard(node)
        else:
            await self.cursor.turn(MAIN if node is None else node)

    def _time_limit(self, seconds: float | None) -> asyncio.Timeout:
        self._limit = asyncio.timeout(None)
        return self._limit

    def _interrupt(self) -> None:
        if self._kind == "time" and self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())
        elif self.work is not None:
            self.work.cancel()


def _interruption(events: Sequence[Event]) -> tuple[int, str]:
    """After how many events this part was stopped from outside, and whether by its time limit.

    Whoever is stopped writes how what was under way ended, and then that the run has; one that was
    killed has come to neither, or not to all of it. -1 where the run came to its end.
    """
    ended = events[-1] if events and events[-1].type == "run.ended" else None
    how = "cancel"
    if ended is not None:
        error = str(ended.data.get("error"))
        if ended.data.get("kind") == "LimitReached" and " seconds " in error:
            how = "time"
        elif ended.data["status"] != "cancelled":
            return -1, ""
    at = len(events) - (ended is not None)
    while at and _cut_short(events[at - 1]):
        at -= 1
    return at, how


def _cut_short(event: Event) -> bool:
    data: Mapping[str, Any] = event.data
    if event.type == "node.ended":
        return bool(data["status"] == "cancelled")
    return event.type == "model.answered" and data["finish"] is None and "error" not in data
