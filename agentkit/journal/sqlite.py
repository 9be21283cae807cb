"""A journal in one SQLite file: durable, shared by any number of readers and processes."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar, cast

from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal.codec import decode, dumps
from agentkit.journal.database import connect, explain, prepare
from agentkit.journal.failure import CLOSED, Failure
from agentkit.journal.follow import Followers, follow
from agentkit.journal.summary import summary
from agentkit.journal.writer import Cached, Writer
from agentkit.protocols import ArtifactStore, RunSummary
from agentkit.types import Json, Sync

T = TypeVar("T")

_COLUMNS = "run, seq, time, type, node, version, data"
_EVENTS = f"SELECT {_COLUMNS} FROM event WHERE run = ? AND seq > ? ORDER BY seq"
_CREATED = (
    f"SELECT {_COLUMNS} FROM event WHERE type = 'run.created' ORDER BY time DESC, run DESC LIMIT ?"
)
_LAST = f"SELECT {_COLUMNS} FROM event WHERE run = ? ORDER BY seq DESC LIMIT 1"
_COUNT = "SELECT count(*) FROM event WHERE run = ?"
_CACHED = "SELECT data FROM cache WHERE key = ?"


class SqliteJournal:
    """Events in `path`, long values in `artifacts`.

    `append` queues; one thread commits in groups; `flush` waits for the disk. `sync="power"`
    survives a power cut, `"process"` the death of the process only, and is faster. Another process
    may hold the file's lock for `lock_timeout_s` seconds before writing fails. It may be made
    outside of an event loop and used from several, one after the other or at once.

    Raises `StoreError` if the file is no journal, is damaged, or is of a newer format.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        artifacts: ArtifactStore,
        *,
        sync: Sync = "power",
        lock_timeout_s: float = 10.0,
    ) -> None:
        self.path = Path(path)
        self._artifacts = artifacts
        self._lock_timeout_s = lock_timeout_s
        self._followers = Followers()
        self._reported: set[str | None] = set()
        self._closed = False
        prepare(self.path, lock_timeout_s=lock_timeout_s)
        self._writer = Writer(
            self.path,
            artifacts,
            sync=sync,
            lock_timeout_s=lock_timeout_s,
            failed=lambda run: self._followers.fail(lambda: self._error(run), run),
        )
        self._failures = self._writer.failures

    def append(self, event: Event) -> None:
        """Queue an event; order is kept. Raises `StoreError` once writing (this run) has failed.

        Followers see it at once, before it is durable.
        """
        if self._failures:
            self._check(event.run)
        self._writer.put(event)
        self._followers.push(event)

    def publish(self, event: Event) -> None:
        """Show a transient event to followers without keeping it."""
        self._followers.push(event)

    async def flush(self, run: str | None = None) -> None:
        """Returns when everything appended so far is durable. Raises `StoreError`."""
        await self._writer.drained()
        if run is not None:
            self._check(run)
        elif self._failures:
            raise self._error(next(iter(self._failures)))

    async def events(self, run: str, *, after: int = 0) -> Sequence[Event]:
        """The stored events of a run with `seq > after`, in order.

        All that was appended here before is among them, unless it could not be written.
        """
        await self._writer.drained()
        return await self._read(lambda connection: self._events(connection, _EVENTS, run, after))

    def tail(self, run: str, *, after: int = 0) -> AsyncGenerator[Event, None]:
        """The stored events, then each new one as it comes, until `run.ended`.

        New ones are those appended to this journal object; another process's are not seen.
        """
        return follow(
            self._followers,
            run,
            after=after,
            read=lambda seq: self.events(run, after=seq),
            failure=lambda: self._error(run) if self._stopped(run) else None,
        )

    async def runs(self, *, limit: int = 50) -> Sequence[RunSummary]:
        """The newest runs first."""
        await self._writer.drained()
        return await self._read(lambda connection: self._summaries(connection, limit))

    async def get(self, key: str) -> Json:
        """A cached value by key, or None."""
        text = self._writer.uncommitted(key)
        if text is not None:
            return cast("Json", json.loads(text))

        def cached(connection: sqlite3.Connection) -> Json:
            row = connection.execute(_CACHED, (key,)).fetchone()
            return None if row is None else decode(row[0], self._artifacts)["value"]

        return await self._read(cached)

    def put(self, key: str, value: Json) -> None:
        """Queue a cached value. Raises `StoreError` once writing has failed."""
        self._check(None)
        self._writer.put(Cached(key, dumps(value)))

    async def close(self) -> None:
        """Write what is queued, end the thread and the tails. Reading still works.

        Raises `StoreError` where something appended was lost and nobody has been told yet.
        """
        if self._closed:
            return
        self._closed = True
        await self._writer.drained()
        untold = [run for run in self._failures if run not in self._reported]
        await asyncio.to_thread(self._writer.stop)
        self._followers.fail(lambda: self._error(None))
        if untold:
            raise self._error(untold[0])

    def _stopped(self, run: str | None) -> bool:
        return None in self._failures or run in self._failures

    def _check(self, run: str | None) -> None:
        if self._stopped(run):
            raise self._error(run)

    def _error(self, run: str | None) -> StoreError:
        key = run if run in self._failures else None
        self._reported.add(key)
        return self._failures.get(key, Failure(CLOSED)).error(run)

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Runs a query in a thread, on a connection of its own: readers never wait for the
        writer, nor it for them."""
        return await asyncio.to_thread(self._query, query)

    def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with closing(connect(self.path, lock_timeout_s=self._lock_timeout_s)) as connection:
                return query(connection)
        except sqlite3.Error as error:
            failure = explain(error, self.path, lock_timeout_s=self._lock_timeout_s)
            raise failure.error(None) from error

    def _events(self, connection: sqlite3.Connection, sql: str, *parameters: object) -> list[Event]:
        rows = cast("list[tuple[Any, ...]]", connection.execute(sql, parameters).fetchall())
        return [
            Event(run, seq, time, type_, node, decode(data, self._artifacts), version)
            for run, seq, time, type_, node, version, data in rows
        ]

    def _summaries(self, connection: sqlite3.Connection, limit: int) -> list[RunSummary]:
        summaries: list[RunSummary] = []
        for created in self._events(connection, _CREATED, limit):
            (last,) = self._events(connection, _LAST, created.run)
            (events,) = connection.execute(_COUNT, (created.run,)).fetchone()
            summaries.append(summary(created, last, events))
        return summaries
