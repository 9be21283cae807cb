"""Where a replay stands in the events of its journal, and who is waiting for which of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from os.path import commonprefix

from agentkit.decisions import BUDGET
from agentkit.errors import Diverged, StoreError
from agentkit.events import Event
from agentkit.state import caller
from agentkit.types import Json

MAIN = ""
"""Stands for the planner, the synthesizer and all else that is no call of a tool."""

UNDECIDED = frozenset(("seconds", "wait_s", "left_after", "accepts"))
"""Fields that no decision is in: a replay takes another time, and is told a reply in one piece; and
what a tool accepts is not in a journal's question that was asked before it was noted there."""

_OF_CALLS = ("node.started", "node.asked", "node.retried", "node.ended")
_OF_MAIN = (
    "memory.recalled", "plan.patched", "plan.refused", "plan.turn", "model.called",
    "model.answered", "node.decided", "run.ended",
)  # fmt: skip

_MOST_SHOWN = 300

_STILL_ROUNDS = 100
"""So many rounds of the event loop without an event, and nothing will come any more. From one event
to the next it takes a handful, for nothing in a replay waits for anything outside."""


class Cursor:
    """Compares each event that a replay writes with the next one of the journal.

    Calls of tools and the rest of the run wait here until it is their turn. `interrupt` is done
    when `interrupt_at` events have been written: there the recorded run was stopped from outside.
    """

    def __init__(
        self, events: Sequence[Event], *, interrupt_at: int, interrupt: Callable[[], object]
    ) -> None:
        self.diverged: Diverged | None = None
        self.planning = False
        """A planner works, maybe with something outside: that nothing happens means nothing."""
        self.last: Event | None = None
        self._events = events
        self.place = 0
        """How many events have been written again."""
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._interrupt_at, self._interrupt = interrupt_at, interrupt
        self._looking = False

    @property
    def rest(self) -> Sequence[Event]:
        """The events that have not been written again yet."""
        return self._events[self.place :]

    @property
    def now(self) -> Event | None:
        """The next event, None behind the last."""
        return self._events[self.place] if self.place < len(self._events) else None

    def start(self) -> None:
        """The replay has begun: an interruption before its first event is due."""
        if self._interrupt_at == 0:
            asyncio.get_running_loop().call_soon(self._interrupt)

    def accept(self, event: Event) -> None:
        """The replay writes this. Raises `StoreError` where the journal has something else."""
        if self.diverged is not None:
            raise StoreError("the replay has diverged")
        expected = self.now
        if expected is None:
            return  # the recorded run was killed here
        if _compared(expected) != _compared(event):
            self._fail(expected, *_shown(expected, event), node=event.node)
            raise StoreError("the replay has diverged")
        self.last = expected
        self.place += 1
        self._wake()
        if self.place == self._interrupt_at:
            self._interrupt()  # now: whom this event wakes must find himself stopped

    async def turn(self, who: str = MAIN) -> None:
        """Returns when the next event is one of this node, or of the run itself."""
        if self.diverged is not None:
            raise self.diverged
        if self._whose() == who:
            return
        if who == MAIN and self.now is None:
            await asyncio.sleep(
                0
            )  # the kill comes now; when it has come, whoever cleans up goes on
            return
        planning, self.planning = self.planning, self.planning and who != MAIN
        try:
            await self._wait(who)
        finally:
            if who == MAIN:
                self.planning = planning

    async def never(self) -> None:
        """Waits for being cancelled."""
        planning, self.planning = self.planning, False
        try:
            await self._wait("(never)")
        finally:
            self.planning = planning

    def stopped(self, found: str) -> None:
        """The replay has ended; it must have written everything."""
        if (expected := self.now) is not None and self.diverged is None:
            self._fail(expected, _one_line(expected), found)

    async def _wait(self, who: str) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[who] = future
        self._look_out()
        try:
            await future
        finally:
            if self._waiting.get(who) is future:
                del self._waiting[who]

    def _whose(self) -> str | None:
        event = self.now
        if event is None:
            return None
        # A call does not end itself `cancelled`: whoever cancels it writes that.
        cancelled = event.data.get("status") == "cancelled"
        if event.type in _OF_MAIN or cancelled or event.node == BUDGET:
            return MAIN
        return caller(event.node or "") if event.type in _OF_CALLS else None

    def _wake(self) -> None:
        whose = self._whose()
        future = None if whose is None else self._waiting.get(whose)
        if future is not None and not future.done():
            future.set_result(None)

    def _fail(self, expected: Event, before: str, after: str, node: str | None = None) -> None:
        name = node or expected.node
        self.diverged = Diverged(seq=expected.seq, node=name, expected=before, found=after)
        self.diverged.run_id = expected.run
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(self.diverged)

    def _look_out(self) -> None:
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_soon(self._look, self.place, _STILL_ROUNDS)

    def _look(self, place: int, rounds: int) -> None:
        """Nobody moves, and nothing else is under way: the next event will never be written."""
        expected = self.now
        if not self._waiting or self.planning or expected is None or self.diverged is not None:
            self._looking = False
        elif self.place == place and rounds == 0:
            self._looking = False
            self._fail(expected, _one_line(expected), "nothing more happens")
        else:
            left = rounds - 1 if self.place == place else _STILL_ROUNDS
            asyncio.get_running_loop().call_soon(self._look, self.place, left)


def _compared(event: Event) -> tuple[str, str | None, str]:
    """What must be the same. As text: 1, 1.0 and true are equal in Python only."""
    return event.type, event.node, _text(_data(event))


def _data(event: Event) -> dict[str, Json]:
    return {name: value for name, value in event.data.items() if name not in UNDECIDED}


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _shown(expected: Event, found: Event) -> tuple[str, str]:
    """Both sides, cut down to the first place where they differ."""
    if (found.type, found.node) != (expected.type, expected.node):
        return _one_line(expected), _one_line(found)
    path, before, after = _difference("", _data(expected), _data(found))
    name = " ".join(part for part in (expected.type, expected.node, path.lstrip(".")) if part)
    return f"{name} = {before}", f"{name} = {after}"


def _difference(path: str, before: Json, after: Json) -> tuple[str, str, str]:
    """Where two JSON values first differ, and what each has there."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            if key not in before or key not in after:
                return f"{path}.{key}", _there(before, key), _there(after, key)
            if _text(before[key]) != _text(after[key]):
                return _difference(f"{path}.{key}", before[key], after[key])
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            if _text(one) != _text(other):
                return _difference(f"{path}[{index}]", one, other)
    texts = _text(before), _text(after)
    same = len(commonprefix(texts))
    start = max(0, same - _MOST_SHOWN // 2)  # the difference itself must be seen
    return path, _cut(texts[0], start), _cut(texts[1], start)


def _there(data: dict[str, Json], key: str) -> str:
    return _cut(_text(data[key])) if key in data else "nothing"


def _one_line(event: Event) -> str:
    fields = ", ".join(f"{name} {_cut(_text(value))}" for name, value in _data(event).items())
    return _cut(" ".join(part for part in (event.type, event.node, fields) if part))


def _cut(text: str, start: int = 0) -> str:
    shown = text[start : start + _MOST_SHOWN]
    return f"{'…' * (start > 0)}{shown}{'…' * (start + _MOST_SHOWN < len(text))}"
