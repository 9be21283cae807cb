"""A journal in one SQLite file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence, Set
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from agentkit.events import Event
from agentkit.journal.commit import sqlite_sink
from agentkit.journal.database import FAILURES, NOW, connect, explain, prepare
from agentkit.journal.durable import DurableJournal
from agentkit.journal.lease import standing
from agentkit.journal.row import (
    CACHE_COLUMNS,
    EVENT_COLUMNS,
    cached_of,
    events_of,
    shown,
)
from agentkit.journal.summary import stored_summary
from agentkit.journal.upkeep import forget, references, stored_rows
from agentkit.journal.verify import damage
from agentkit.protocols import ArtifactStore, RunSummary
from agentkit.types import Json, Sync

T = TypeVar("T")

_FROM = f"SELECT {EVENT_COLUMNS} FROM event WHERE (run, seq) > (?, ?) ORDER BY run, seq"
_CREATED = (
    f"SELECT {EVENT_COLUMNS} FROM event WHERE type = 'run.created'"
    " ORDER BY time DESC, run DESC LIMIT ?"
)
_LAST = f"SELECT {EVENT_COLUMNS} FROM event WHERE run = ? ORDER BY seq DESC LIMIT 1"
_COUNT = "SELECT count(*) FROM event WHERE run = ?"
_STANDING = (
    f"SELECT {standing(NOW)} FROM run LEFT JOIN worker ON worker.id = owner WHERE run.id = ?"
)
_CACHED = f"SELECT {CACHE_COLUMNS} FROM cache WHERE key = ?"


def sqlite_journal(
    path: str | os.PathLike[str],
    artifacts: ArtifactStore,
    *,
    sync: Sync = "power",
    lock_timeout_s: float = 10.0,
) -> DurableJournal:
    """A journal with its events in `path`, made if need be, and long values in `artifacts`.

    `sync="power"` survives a power cut, `"process"` the death of the process only, and is faster.
    Another process may hold the file's lock for `lock_timeout_s` seconds before writing fails.

    Raises `StoreError` if the file is no journal, is damaged, or is of a newer format.
    """
    file = Path(path)
    prepare(file, lock_timeout_s=lock_timeout_s)
    return DurableJournal(
        SqliteReader(file, artifacts, lock_timeout_s=lock_timeout_s),
        lambda: sqlite_sink(file, sync=sync, lock_timeout_s=lock_timeout_s),
        artifacts,
    )


class SqliteReader:
    """Reads in threads, on connections of their own: readers never wait for the writer, nor it for
    them."""

    def __init__(self, path: Path, artifacts: ArtifactStore, *, lock_timeout_s: float) -> None:
        self._path, self._artifacts = path, artifacts
        self._lock_timeout_s = lock_timeout_s

    async def events(self, run: str, after: int) -> Sequence[Event]:
        """The stored events of a run with `seq > after`, in order. Raises `StoreError`, naming the
        event, where one is damaged or gone."""

        def stored(connection: sqlite3.Connection) -> list[Event]:
            rows = connection.execute(_FROM, (run, after))
            return [*events_of(run, rows, self._artifacts, self._path, after=after)]

        return await self._read(stored)

    async def runs(self, limit: int) -> Sequence[RunSummary]:
        """The newest runs first."""
        return await self._read(lambda connection: self._summaries(connection, limit))

    async def forget(self, run: str, events: int) -> bool:
        """Remove a run that has so many events."""

        def forgotten(connection: sqlite3.Connection) -> bool:
            connection.text_factory = str
            return forget(connection, run, events)

        return await self._read(forgotten)

    async def references(self) -> Set[str]:
        """The sha256 of every artifact that is named."""
        return await self._read(
            lambda connection: references(stored_rows(connection), self._artifacts)
        )

    async def cached(self, key: str) -> Json:
        """A stored value by key, or None: also where it is damaged, as it can be made again."""

        def cached(connection: sqlite3.Connection) -> Json:
            row = connection.execute(_CACHED, (key,)).fetchone()
            return None if row is None else cached_of(row, self._artifacts)

        return await self._read(cached)

    async def damage(self, seen: Callable[[Event], None]) -> Sequence[str]:
        """What is damaged in the whole file, with its place."""
        return await self._read(
            lambda connection: [*damage(connection, self._path, self._artifacts, seen=seen)]
        )

    def close(self) -> None:
        """Nothing is kept open between reads."""

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(self._query, query)

    def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with closing(connect(self._path, lock_timeout_s=self._lock_timeout_s)) as connection:
                connection.text_factory = bytes  # damaged text is for `row` to judge
                return query(connection)
        except FAILURES as error:
            failure = explain(error, self._path, lock_timeout_s=self._lock_timeout_s)
            raise failure.error(None) from error

    def _summaries(self, connection: sqlite3.Connection, limit: int) -> list[RunSummary]:
        created = connection.execute(_CREATED, (limit,)).fetchall()
        return [self._summary(connection, row) for row in created]

    def _summary(self, connection: sqlite3.Connection, created: tuple[Any, ...]) -> RunSummary:
        (events,) = connection.execute(_COUNT, (shown(created[0]),)).fetchone()
        last = connection.execute(_LAST, (shown(created[0]),)).fetchone()
        place = connection.execute(_STANDING, (shown(created[0]),)).fetchone()
        queued = None if place is None or place[0] is None else shown(place[0])
        return stored_summary(created, last, events, queued, self._artifacts, self._path)
