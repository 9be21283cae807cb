"""A journal in a database: durable, shared by any number of readers and processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence, Set
from contextlib import AbstractContextManager
from typing import Protocol, cast

from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal.codec import dumps
from agentkit.journal.failure import CLOSED, Failure
from agentkit.journal.follow import Followers, follow
from agentkit.journal.writer import Cached, Sink, Writer
from agentkit.protocols import ArtifactStore, RunSummary
from agentkit.types import Json


class Reader(Protocol):
    """What is stored in a database, read from any event loop; `close` may come before a read."""

    async def events(self, run: str, after: int) -> Sequence[Event]: ...

    async def runs(self, limit: int) -> Sequence[RunSummary]: ...

    async def forget(self, run: str, events: int) -> bool: ...

    async def references(self) -> Set[str]: ...

    async def cached(self, key: str) -> Json: ...

    async def damage(self, seen: Callable[[Event], None]) -> Sequence[str]: ...

    def close(self) -> None: ...


class DurableJournal:
    """Events in a database, long values in `artifacts`.

    `append` queues; one thread commits in groups; `flush` waits for the disk. It may be made
    outside of an event loop and used from several, one after the other or at once.
    """

    def __init__(
        self,
        reader: Reader,
        open_sink: Callable[[], AbstractContextManager[Sink]],
        artifacts: ArtifactStore,
    ) -> None:
        self._reader = reader
        self._followers = Followers()
        self._reported: set[object] = set()
        self._closed = False
        self.writer = Writer(open_sink, artifacts, failed=self._failed)
        self._failures = self.writer.failures

    def append(self, event: Event, by: object = None) -> None:
        """Queue an event; order is kept. Raises `StoreError` once this writer was refused, or
        writing has failed.

        Followers see it at once, before it is durable.
        """
        if by is None:
            by = event.run
        if self._failures:
            self._check(by, event.run)
        self.writer.put(event, by)
        self._followers.push(event, by)

    def publish(self, event: Event) -> None:
        """Show a transient event to followers without keeping it."""
        self._followers.push(event)

    async def flush(self, run: str | None = None, by: object = None) -> None:
        """Returns when everything appended so far is durable. Raises `StoreError`."""
        await self.writer.drained()
        self._check(run if by is None else by, run)
        if run is None and (untold := self._untold()):
            raise self._error(untold[0])

    async def events(self, run: str, *, after: int = 0) -> Sequence[Event]:
        """The stored events of a run with `seq > after`, in order.

        All that was appended here before is among them, unless it could not be written.
        """
        await self.writer.drained()
        return await self._reader.events(run, after)

    def tail(self, run: str, *, after: int = 0, by: object = None) -> AsyncGenerator[Event, None]:
        """The stored events, then each new one as it comes, until `run.ended`.

        New ones are those appended to this journal object; another process's are not seen.
        """
        return follow(
            self._followers,
            run,
            after=after,
            by=by,
            read=lambda seq: self.events(run, after=seq),
            failure=lambda: self._stop_of(run, by),
        )

    async def runs(self, *, limit: int = 50) -> Sequence[RunSummary]:
        """The newest runs first."""
        await self.writer.drained()
        return await self._reader.runs(limit)

    async def forget(self, run: str, *, events: int) -> bool:
        """Remove a run that has so many events; False where it has gone on meanwhile."""
        await self.writer.drained()
        return await self._reader.forget(run, events)

    async def references(self) -> Set[str]:
        """The sha256 of every artifact that a stored event or cached value names."""
        await self.writer.drained()
        return await self._reader.references()

    async def get(self, key: str) -> Json:
        """A cached value by key, or None."""
        text = self.writer.uncommitted(key)
        if text is not None:
            return cast("Json", json.loads(text))
        return await self._reader.cached(key)

    def put(self, key: str, value: Json) -> None:
        """Queue a cached value. Raises `StoreError` once writing has failed."""
        self._check(None, None)
        self.writer.put_cached(Cached(key, dumps(value)))

    async def verify(self, seen: Callable[[Event], None]) -> Sequence[str]:
        """What is damaged, with its place; `seen` is told, in a thread, of every event that is as
        it was written. Reads all that is stored. Raises `StoreError` where it cannot be opened."""
        await self.writer.drained()
        return await self._reader.damage(seen)

    async def close(self) -> None:
        """Write what is queued, end the threads and the tails. Reading still works.

        Raises `StoreError` where something appended was lost and nobody has been told yet.
        """
        if self._closed:
            return
        self._closed = True
        await self.writer.drained()
        untold = self._untold()
        await asyncio.to_thread(self.writer.stop)
        await asyncio.to_thread(self._reader.close)
        self._followers.fail(lambda: self._error(None))
        if untold:
            raise self._error(untold[0])

    def _failed(self, by: object, run: str | None) -> None:
        """Tails of what is written no more end: all of a run where nobody else goes on with it."""
        alone = run is None or self.writer.carries_on(by, run)
        self._followers.fail(lambda: self._error(by, run), run, None if alone else by)

    def _untold(self) -> list[object]:
        """Whose loss nobody has been told of."""
        return [by for by in [*self._failures] if by not in self._reported]

    def _stop_of(self, run: str, by: object) -> StoreError | None:
        """What ends a tail: its writer was refused, or who carries the run on here."""
        who = self.writer.carrier(run) if by is None else by
        return self._error(who, run) if self._stopped(who) else None

    def _stopped(self, by: object) -> bool:
        return None in self._failures or by in self._failures

    def _check(self, by: object, run: str | None) -> None:
        if self._stopped(by):
            raise self._error(by, run)

    def _error(self, by: object, run: str | None = None) -> StoreError:
        key = by if by in self._failures else None
        self._reported.add(key)
        return self._failures.get(key, Failure(CLOSED)).error(run)
