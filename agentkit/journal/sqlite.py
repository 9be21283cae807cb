"""A journal in one SQLite file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence, Set
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar, cast

from agentkit.events import Event
from agentkit.journal.codec import decode
from agentkit.journal.commit import sqlite_sink
from agentkit.journal.database import connect, explain, prepare
from agentkit.journal.durable import DurableJournal
from agentkit.journal.summary import summary
from agentkit.journal.upkeep import forget, references, stored_rows
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
        """The stored events of a run with `seq > after`, in order."""
        return await self._read(lambda connection: self._events(connection, _EVENTS, run, after))

    async def runs(self, limit: int) -> Sequence[RunSummary]:
        """The newest runs first."""
        return await self._read(lambda connection: self._summaries(connection, limit))

    async def forget(self, run: str, events: int) -> bool:
        """Remove a run that has so many events."""
        return await self._read(lambda connection: forget(connection, run, events))

    async def references(self) -> Set[str]:
        """The sha256 of every artifact that is named."""
        return await self._read(
            lambda connection: references(stored_rows(connection), self._artifacts)
        )

    async def cached(self, key: str) -> Json:
        """A stored value by key, or None."""

        def cached(connection: sqlite3.Connection) -> Json:
            row = connection.execute(_CACHED, (key,)).fetchone()
            return None if row is None else decode(row[0], self._artifacts)["value"]

        return await self._read(cached)

    def close(self) -> None:
        """Nothing is kept open between reads."""

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(self._query, query)

    def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with closing(connect(self._path, lock_timeout_s=self._lock_timeout_s)) as connection:
                return query(connection)
        except sqlite3.Error as error:
            failure = explain(error, self._path, lock_timeout_s=self._lock_timeout_s)
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
