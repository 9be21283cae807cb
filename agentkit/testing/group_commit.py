"""A journal as a disk makes it, on the loop's own clock: commits take time, and a kill loses some.

```python
import asyncio
from agentkit.events import Event
from agentkit.testing.group_commit import GroupCommitJournal

async def main() -> list[int]:
    journal = GroupCommitJournal(commit_s=lambda: 0.01)
    journal.append(Event("r1", 1, 0.0, "run.created", data={"task": "add"}))
    await journal.flush()
    journal.append(Event("r1", 2, 0.0, "run.ended", data={"status": "answered"}))
    journal.kill()
    return [event.seq for event in await journal.survivor().events("r1")]

assert asyncio.run(main()) == [1]
```
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence, Set
from contextlib import suppress

from agentkit.errors import RunTaken, StoreError
from agentkit.events import Event
from agentkit.journal.memory import MemoryJournal
from agentkit.protocols import RunSummary
from agentkit.types import Json

KILLED = "the journal takes nothing more: its process was killed, or its disk is full"


class GroupCommitJournal:
    """Events that come within `commit_s()` seconds are durable together; `flush` waits for that.

    `kill` is the death of the process: what was not committed is lost, and whoever writes or waits
    gets a `StoreError`. `survivor()` is the journal as the next process finds it. `takes` is the
    number of events after which the disk is full, `dies` the number after which `died` is called.
    """

    def __init__(
        self,
        *,
        commit_s: Callable[[], float],
        kept: MemoryJournal | None = None,
        takes: int | None = None,
        dies: int | None = None,
        died: Callable[[], object] | None = None,
    ) -> None:
        self.kept = kept or MemoryJournal()
        """What is durable."""
        self.announced: set[str] = set()
        """The keys of the effects whose intent is durable, by this process or an earlier one."""
        self._commit_s, self._takes, self._dies, self._died = commit_s, takes, dies, died
        self._pending: list[tuple[Event, object]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._appended = 0
        self._dead = False

    def append(self, event: Event, by: object = None) -> None:
        """Queue an event. Raises `StoreError` after the end."""
        if self._appended == self._takes:
            self.kill()
        self._check()
        self._appended += 1
        self._pending.append((event, by))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._commit_s(), self._commit)
        if self._appended == self._dies and self._died is not None:
            self._died()

    def publish(self, event: Event) -> None:
        """Nobody follows a run here."""

    async def flush(self, run: str | None = None, by: object = None) -> None:
        """Returns when all that was appended is durable. Raises `StoreError` after the end."""
        self._check()
        if self._pending:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future
        await self.kept.flush(run, by)

    async def events(self, run: str, *, after: int = 0) -> Sequence[Event]:
        """The durable events of a run, all that was appended before among them."""
        await self.flush()
        return await self.kept.events(run, after=after)

    def tail(self, run: str, *, after: int = 0, by: object = None) -> AsyncGenerator[Event, None]:
        """The durable events as they come."""
        return self.kept.tail(run, after=after, by=by)

    async def runs(self, *, limit: int = 50) -> Sequence[RunSummary]:
        """The newest runs first."""
        await self.flush()
        return await self.kept.runs(limit=limit)

    async def forget(self, run: str, *, events: int) -> bool:
        """Remove a run that has so many events; False where it has gone on meanwhile."""
        await self.flush()
        return await self.kept.forget(run, events=events)

    async def references(self) -> Set[str]:
        """The sha256 of every artifact that a durable event names."""
        await self.flush()
        return await self.kept.references()

    async def get(self, key: str) -> Json:
        """A cached value by key, or None."""
        return await self.kept.get(key)

    def put(self, key: str, value: Json) -> None:
        """Keep a cached value."""
        self.kept.put(key, value)

    async def close(self) -> None:
        """Flush."""
        await self.flush()

    def kill(self) -> None:
        """The end of the process: what is not durable by now never will be."""
        self._dead = True
        if self._timer is not None:
            self._timer.cancel()
        for future in self._waiting:
            if not future.done():
                future.set_exception(StoreError(KILLED))
        self._pending.clear()
        self._waiting.clear()

    def survivor(
        self,
        *,
        takes: int | None = None,
        dies: int | None = None,
        died: Callable[[], object] | None = None,
    ) -> GroupCommitJournal:
        """The journal that the next process opens: all that is durable, and nothing else."""
        journal = GroupCommitJournal(
            commit_s=self._commit_s, kept=self.kept, takes=takes, dies=dies, died=died
        )
        journal.announced = self.announced
        return journal

    def _commit(self) -> None:
        self._timer = None
        for event, by in self._pending:
            with suppress(RunTaken):  # whoever wrote it is told by `flush`
                self.kept.append(event, by)
            if event.type == "effect.intent":
                self.announced.add(str(event.data["key"]))
        self._pending.clear()
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    def _check(self) -> None:
        if self._dead:
            raise StoreError(KILLED)
