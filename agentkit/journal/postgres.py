"""A journal in a PostgreSQL database, for any number of processes on any number of machines.

A batch is one statement: the server finishes or drops it alone, so that a process that is stopped
in the middle holds no lock that others would wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import Any

from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal.durable import DurableJournal
from agentkit.journal.failure import Failure, taken
from agentkit.journal.lease import CLAIMABLE, lost, outermost, standing
from agentkit.journal.row import cached_of, checked_event, checked_value, events_of, shown
from agentkit.journal.server import NOW, Server
from agentkit.journal.summary import stored_summary
from agentkit.journal.upkeep import references
from agentkit.journal.verify import EventCheck, damaged_values
from agentkit.journal.writer import Rows
from agentkit.protocols import ArtifactStore, RunSummary
from agentkit.types import Json

CHANNEL = "agentkit"
"""Notified once for a batch that makes runs claimable, never for events."""

_WRITE = f"""
WITH row AS MATERIALIZED (
    SELECT r.id, r.owner, r.epoch, coalesce(w.lease_until > {NOW}, FALSE) AS live
    FROM agentkit.run r LEFT JOIN agentkit.worker w ON w.id = r.owner
    WHERE r.id = ANY($1::text[]) ORDER BY r.id FOR NO KEY UPDATE OF r
), lost AS MATERIALIZED (
    SELECT id FROM row LEFT JOIN unnest($2::text[], $3::text[], $4::bigint[])
        AS held (id, worker, epoch) USING (id)
    WHERE CASE WHEN worker IS NULL THEN live
        ELSE NOT (live AND owner = worker AND row.epoch = held.epoch) END
), written AS (
    INSERT INTO agentkit.event SELECT * FROM unnest($5::text[], $6::bigint[], $7::float8[],
        $8::text[], $9::text[], $10::integer[], $11::text[], $12::integer[])
        AS event (run, seq, time, type, node, version, data, crc)
    WHERE split_part(run, '/', 1) NOT IN (SELECT id FROM lost)
), cached AS (
    INSERT INTO agentkit.cache SELECT * FROM unnest($13::text[], $14::text[], $15::integer[])
    ON CONFLICT (key) DO UPDATE SET data = excluded.data, crc = excluded.crc
), submitted AS (
    INSERT INTO agentkit.run (id, status, epoch, wake_at)
    SELECT id, 'ready', 0, greatest({NOW}, wake_at)
    FROM unnest($16::text[], $17::text[], $18::float8[]) AS move (id, status, wake_at)
    WHERE status = 'submitted'
    ON CONFLICT DO NOTHING
), moved AS (
    UPDATE agentkit.run r SET wake_at = {NOW},
        status = CASE move.status WHEN 'decided' THEN 'ready' ELSE move.status END,
        owner = CASE move.status WHEN 'running' THEN held.worker END,
        deaths = CASE WHEN move.status = 'running' AND held.worker IS NOT NULL
            THEN r.deaths ELSE 0 END
    FROM unnest($16::text[], $17::text[]) AS move (id, status)
        LEFT JOIN unnest($2::text[], $3::text[]) AS held (id, worker) USING (id)
    WHERE r.id = move.id AND move.status <> 'submitted'
        AND (move.status <> 'decided' OR r.status IN ('waiting', 'ended'))
        AND r.id NOT IN (SELECT id FROM lost)
)
SELECT id FROM lost
"""
_COLUMNS = "textsend(run), seq, time, textsend(type), textsend(node), version, textsend(data), crc"
"""Texts as the bytes that they are, which are for `row` to judge."""

_EVENTS = f"SELECT {_COLUMNS} FROM agentkit.event WHERE run = $1 AND seq > $2 ORDER BY seq"
_BEHIND = f"SELECT {_COLUMNS} FROM agentkit.event WHERE run > $1 ORDER BY run, seq LIMIT 1"
_RUNS = f"""
SELECT (SELECT count(*) FROM agentkit.event each WHERE each.run = created.run),
    (SELECT {standing(NOW)} FROM agentkit.run r LEFT JOIN agentkit.worker w ON w.id = r.owner
        WHERE r.id = created.run),
    {_COLUMNS}
FROM agentkit.event created WHERE type = 'run.created' ORDER BY time DESC, run DESC LIMIT $1
"""
_LAST = f"""
SELECT DISTINCT ON (run) {_COLUMNS} FROM agentkit.event WHERE run = ANY($1::text[])
ORDER BY run, seq DESC
"""
_QUEUED = "SELECT status FROM agentkit.run WHERE id = $1 FOR UPDATE"
_COUNT = "SELECT count(*) FROM agentkit.event WHERE run = $1"
_DATA = """
SELECT textsend(data) FROM agentkit.event UNION ALL SELECT textsend(data) FROM agentkit.cache
"""
_EVERY_EVENT = f"SELECT {_COLUMNS} FROM agentkit.event ORDER BY run, seq"
_EVERY_VALUE = "SELECT textsend(key), textsend(data), crc FROM agentkit.cache"
_CACHED = f"{_EVERY_VALUE} WHERE key = $1"


def postgres_journal(server: Server, artifacts: ArtifactStore) -> DurableJournal:
    """A journal with its events in the database, and long values in `artifacts`."""
    return DurableJournal(
        PostgresReader(server, artifacts), lambda: _opened_sink(server), artifacts
    )


@contextmanager
def _opened_sink(server: Server) -> Generator[PostgresSink]:
    sink = PostgresSink(server, server.wait(server.connect()))
    try:
        yield sink
    finally:
        sink.close()


class PostgresSink:
    """Writes through one connection; the thread that calls waits for it."""

    def __init__(self, server: Server, connection: Any) -> None:
        self._server, self._connection = server, connection

    def close(self) -> None:
        """Let go of the connection."""
        self._server.wait(self._server.release(self._connection))

    def commit(self, rows: Rows) -> Mapping[str, Failure]:
        """Write it in one transaction. Returns the runs that may not be written, and why."""
        if not rows.events and not rows.cached:
            return {}  # every batch is on the server's disk before the next one comes
        return self._server.wait(self._commit(rows))

    async def _commit(self, rows: Rows) -> Mapping[str, Failure]:
        if self._connection.is_closed():  # while it was idle: nothing can have been lost
            await self._server.release(self._connection)
            self._connection = await self._server.connect()
        unique = self._server.asyncpg.UniqueViolationError
        try:
            refused = await self._write(rows, rows.runs)
        except unique:
            refused = await self._write(rows, [])  # the cached values
            for run in rows.runs:
                try:
                    refused |= await self._write(rows, [run])
                except unique:
                    seq = next(row[1] for row in rows.events if row[0] == run)
                    refused[run] = taken(run, seq)
        if CLAIMABLE.intersection(rows.moves.values()):
            await self._connection.execute(f"NOTIFY {CHANNEL}")
        return refused

    async def _write(self, rows: Rows, runs: Sequence[str]) -> dict[str, Failure]:
        """One transaction with the events of these runs."""
        wanted = {*runs}
        outer = {outermost(run) for run in runs}
        leases = [(run, lease) for run, lease in rows.leases.items() if run in outer]
        moves = [
            (run, move, rows.wakes.get(run)) for run, move in rows.moves.items() if run in wanted
        ]
        events = [checked_event(row) for row in rows.events if row[0] in wanted]
        found = await self._connection.fetch(
            _WRITE,
            [*outer],
            [run for run, _ in leases],
            [lease.worker for _, lease in leases],
            [lease.epoch for _, lease in leases],
            *_columns(events, 8),
            *_columns([checked_value(row) for row in rows.cached], 3),
            *_columns(moves, 3),
        )
        others = {row["id"] for row in found}
        return {run: lost(run) for run in runs if outermost(run) in others}


class PostgresReader:
    """Reads on pooled connections; texts become events in the caller's process, in a thread."""

    def __init__(self, server: Server, artifacts: ArtifactStore) -> None:
        self._server, self._artifacts = server, artifacts

    async def events(self, run: str, after: int) -> Sequence[Event]:
        """The stored events of a run with `seq > after`, in order. Raises `StoreError`, naming the
        event, where one is damaged or gone."""

        async def query(connection: Any) -> list[Any]:
            rows = await connection.fetch(_EVENTS, run, after)
            return [*rows, *await connection.fetch(_BEHIND, run)]

        def stored(rows: Sequence[Any]) -> list[Event]:
            return [*events_of(run, rows, self._artifacts, self._server.name, after=after)]

        return await asyncio.to_thread(stored, await self._server.read(query))

    async def runs(self, limit: int) -> Sequence[RunSummary]:
        """The newest runs first."""

        async def query(connection: Any) -> tuple[Any, Any]:
            created = await connection.fetch(_RUNS, limit)
            runs = [shown(row[2]) for row in created]
            return created, await connection.fetch(_LAST, runs)

        def summaries(created: Sequence[Any], newest: Sequence[Any]) -> list[RunSummary]:
            last = {row[0]: row for row in newest}
            where = self._server.name
            return [
                stored_summary(row, last.get(row[0]), events, place, self._artifacts, where)
                for events, place, *row in created
            ]

        return await asyncio.to_thread(summaries, *await self._server.read(query))

    async def forget(self, run: str, events: int) -> bool:
        """Remove a run that has so many events."""

        async def query(connection: Any) -> bool:
            async with connection.transaction():
                queued = await connection.fetchval(_QUEUED, run)  # from now on nobody claims it
                found = await connection.fetchval(_COUNT, run)
                fits = bool(found == events and queued in (None, "ended"))
                if fits:
                    await connection.execute("DELETE FROM agentkit.event WHERE run = $1", run)
                    await connection.execute("DELETE FROM agentkit.run WHERE id = $1", run)
            return fits

        return await self._server.read(query)

    async def references(self) -> Set[str]:
        """The sha256 of every artifact that is named."""
        found: set[str] = set()

        def note(rows: Sequence[Any]) -> None:
            found.update(references([row[0] for row in rows], self._artifacts))

        await self._read_all(_DATA, note)
        return found

    async def cached(self, key: str) -> Json:
        """A stored value by key, or None: also where it is damaged, as it can be made again."""
        row = await self._server.read(lambda connection: connection.fetchrow(_CACHED, key))
        return None if row is None else await asyncio.to_thread(cached_of, row, self._artifacts)

    async def damage(self, seen: Callable[[Event], None]) -> Sequence[str]:
        """What is damaged in the whole database, with its place."""
        found: list[str] = []
        where = self._server.name
        check = EventCheck(where, self._artifacts, seen)
        try:
            await self._read_all(_EVERY_EVENT, lambda rows: found.extend(check.damage(rows)))
            await self._read_all(
                _EVERY_VALUE,
                lambda rows: found.extend(damaged_values(rows, self._artifacts, where)),
            )
        except StoreError as error:
            found.append(str(error))
        return found

    def close(self) -> None:
        """Let go of the connections."""
        self._server.close()

    async def _read_all(self, statement: str, note: Callable[[Sequence[Any]], None]) -> None:
        """Has `note` told of all rows, part by part, in threads."""

        async def query(connection: Any) -> None:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                cursor = await connection.cursor(statement)
                while rows := await cursor.fetch(1000):
                    await asyncio.to_thread(note, rows)

        await self._server.read(query)


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[Any]:
    """Rows as lists of their columns, which travel as arrays."""
    return [*map(list, zip(*rows, strict=True))] if rows else [[] for _ in range(count)]
