"""A journal and tools with one fault in them, for `agentkit.testing.faults`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Literal

from agentkit.errors import StoreError, ToolError
from agentkit.events import Event
from agentkit.journal.memory import MemoryJournal
from agentkit.protocols import RunSummary
from agentkit.tool import Context, Tool
from agentkit.types import Json

FaultKind = Literal["fail", "delay", "duplicate", "corrupt", "kill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong, at a node's call or at a record of the journal (its number, from 1; those of
    runs that are calls of an agent count too).

    | kind | at a node | at a record |
    |---|---|---|
    | fail | the call raises a `ToolError` | it cannot be written, nor anything after it |
    | delay | the call takes `delay_s` longer | it is durable `delay_s` later |
    | duplicate | made twice, with one key; not a `once` call | written twice, as by two processes |
    | corrupt | what it returns has another type | it cannot be read any more |
    | kill | the process dies after the tool worked | the process dies after it is durable |
    """

    kind: FaultKind
    node: str | None = None
    record: int | None = None
    delay_s: float = 0.01

    def __str__(self) -> str:
        return f"{self.kind} {f'record {self.record}' if self.node is None else self.node}"


class FaultyJournal:
    """A journal in memory with a fault. Once `dead`, it takes and shows nothing more."""

    def __init__(self, fault: Fault | None = None, kept: Sequence[Event] = ()) -> None:
        self.inner = MemoryJournal()
        for event in kept:
            self.inner.append(event)
        self.dead = False
        self.died: Callable[[], object] | None = None
        """Called, from any thread, when the process is to die."""
        self._fault = fault or Fault(kind="kill")
        self._late = False
        self._count = 0
        self._damaged: Event | None = None

    def append(self, event: Event, by: object = None) -> None:
        """Keep an event, or fail as the fault says. Raises `StoreError`."""
        self._check()
        self._count += 1
        here, kind = self._count == self._fault.record, self._fault.kind
        if here and kind == "fail":
            self.dead = True
            self._check()
        self.inner.append(event, by)
        if here and kind == "duplicate":
            self.inner.append(event, by)
        if here and kind == "kill":
            self.kill()
        self._late = self._late or (here and kind == "delay")
        if here and kind == "corrupt":
            self._damaged = event

    def kill(self) -> None:
        """The process dies: nothing is written from now on."""
        self.dead = True
        if self.died is not None:
            self.died()

    def publish(self, event: Event) -> None:
        """Show a transient event to followers."""
        self.inner.publish(event)

    async def flush(self, run: str | None = None, by: object = None) -> None:
        """Returns when what was appended is durable. Raises `StoreError` after the end."""
        if self._late:
            self._late = False
            await asyncio.sleep(self._fault.delay_s)
        self._check()
        await self.inner.flush(run, by)

    async def events(self, run: str, *, after: int = 0) -> Sequence[Event]:
        """The events of a run. Raises `StoreError` where one of them cannot be read."""
        events = await self.inner.events(run, after=after)
        if self._damaged in events:
            raise StoreError(f"event {self._fault.record} of run {run} is damaged")
        return events

    def tail(self, run: str, *, after: int = 0, by: object = None) -> AsyncGenerator[Event, None]:
        """The stored events, then each new one as it comes."""
        return self.inner.tail(run, after=after, by=by)

    async def runs(self, *, limit: int = 50) -> Sequence[RunSummary]:
        """The newest runs first."""
        return await self.inner.runs(limit=limit)

    async def forget(self, run: str, *, events: int) -> bool:
        """Remove a run that has so many events."""
        return await self.inner.forget(run, events=events)

    async def references(self) -> Set[str]:
        """The sha256 of every artifact that is named."""
        return await self.inner.references()

    async def get(self, key: str) -> Json:
        """A cached value by key, or None."""
        return await self.inner.get(key)

    def put(self, key: str, value: Json) -> None:
        """Keep a cached value."""
        self.inner.put(key, value)

    async def close(self) -> None:
        """End the tails."""
        await self.inner.close()

    def _check(self) -> None:
        if self.dead:
            raise StoreError("the journal takes nothing more: a fault was put there")


def faulty(tool: Tool[..., Any], fault: Fault, journal: FaultyJournal) -> Tool[..., Any]:
    """The tool, with the fault in the call of its node; a batch is of one, a process a thread."""
    about = _Faulty(tool, fault, journal)
    runs: Literal["loop", "thread"] = "loop" if tool.runs == "loop" else "thread"
    return replace(
        tool,
        function=_function(about),
        prepare=about.prepare,
        batch=None,
        runs=runs,
        nested=None if tool.nested is None else about.nested,
    )


def _function(about: _Faulty) -> Callable[..., Any]:
    async def awaited(kwargs: dict[str, Any], here: bool) -> Any:
        await asyncio.sleep(about.before(here))
        for _ in range(about.extra(here)):
            await about.call(kwargs)
        return about.after(await about.call(kwargs), here)

    def blocking(kwargs: dict[str, Any], here: bool) -> Any:
        time.sleep(about.before(here))
        for _ in range(about.extra(here)):
            about.call(kwargs)
        return about.after(about.call(kwargs), here)

    return awaited if about.tool.runs == "loop" else blocking


@dataclass(frozen=True, slots=True)
class _Faulty:
    """What goes wrong around a call; `here` says whether it is the one that the fault is about."""

    tool: Tool[..., Any]
    fault: Fault
    journal: FaultyJournal

    def prepare(self, args: Mapping[str, Json], context: Context) -> dict[str, Any]:
        here = context.node == self.fault.node
        return {"kwargs": self.tool.prepare(args, context), "here": here}

    def nested(self, around: object) -> Callable[..., Any]:
        """The function of a call that is a run of its own, with the fault."""
        assert self.tool.nested is not None
        tool = replace(self.tool, function=self.tool.nested(around))
        return _function(replace(self, tool=tool))

    def before(self, here: bool) -> float:
        """The seconds to wait."""
        if here and self.fault.kind == "fail":
            raise ToolError("it fails: a fault was put there")
        return self.fault.delay_s if here and self.fault.kind == "delay" else 0.0

    def extra(self, here: bool) -> int:
        """How often the call is made without need."""
        return int(here and self.fault.kind == "duplicate" and self.tool.effect != "once")

    def call(self, kwargs: dict[str, Any]) -> Any:
        given = {name: [item] for name, item in kwargs.items()} if self.tool.batch else kwargs
        return self.tool.function(**given)

    def after(self, result: Any, here: bool) -> Any:
        if here and self.fault.kind == "kill":
            self.journal.kill()
        if here and self.fault.kind == "corrupt":
            return 0 if self.tool.output_schema.get("type") == "string" else "\0 corrupt"
        return result[0] if self.tool.batch else result
