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
from agentkit.journal.codec import decode
from agentkit.journal.durable import DurableJournal
from agentkit.journal.failure import Failure, taken
from agentkit.journal.lease import CLAIMABLE, lost
from agentkit.journal.server import NOW, Server
from agentkit.journal.summary import summary
from agentkit.journal.upkeep import references
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
        $8::text[], $9::text[], $10::integer[], $11::text[])
        AS event (run, seq, time, type, node, version, data)
    WHERE run NOT IN (SELECT id FROM lost)
), cached AS (
    INSERT INTO agentkit.cache SELECT * FROM unnest($12::text[], $13::text[])
    ON CONFLICT (key) DO UPDATE SET data = excluded.data
), submitted AS (
    INSERT INTO agentkit.run (id, status, epoch, wake_at) SELECT id, 'ready', 0, {NOW}
    FROM unnest($14::text[], $15::text[]) AS move (id, status) WHERE status = 'submitted'
    ON CONFLICT DO NOTHING
), moved AS (
    UPDATE agentkit.run r SET wake_at = {NOW},
        status = CASE move.status WHEN 'decided' THEN 'ready' ELSE move.status END,
        owner = CASE move.status WHEN 'running' THEN held.worker END,
        deaths = CASE WHEN move.status = 'running' AND held.worker IS NOT NULL
            THEN r.deaths ELSE 0 END
    FROM unnest($14::text[], $15::text[]) AS move (id, status)
        LEFT JOIN unnest($2::text[], $3::text[]) AS held (id, worker) USING (id)
    WHERE r.id = move.id AND move.status <> 'submitted'
        AND (move.status <> 'decided' OR r.status IN ('waiting', 'ended'))
        AND r.id NOT IN (SELECT id FROM lost)
)
SELECT id FROM lost
"""
_COLUMNS = "run, seq, time, type, node, version, data"
_EVENTS = f"SELECT {_COLUMNS} FROM agentkit.event WHERE run = $1 AND seq > $2 ORDER BY seq"
_RUNS = f"""
SELECT {_COLUMNS}, (SELECT count(*) FROM agentkit.event each WHERE each.run = created.run) AS count
FROM agentkit.event created WHERE type = 'run.created' ORDER BY time DESC, run DESC LIMIT $1
"""
_LAST = f"""
SELECT DISTINCT ON (run) {_COLUMNS} FROM agentkit.event WHERE run = ANY($1::text[])
ORDER BY run, seq DESC
"""
_QUEUED = "SELECT status FROM agentkit.run WHERE id = $1 FOR UPDATE"
_COUNT = "SELECT count(*) FROM agentkit.event WHERE run = $1"
_ROWS = "SELECT data FROM agentkit.event UNION ALL SELECT data FROM agentkit.cache"
_EVERY_RUN = "SELECT DISTINCT run FROM agentkit.event ORDER BY run"
_CACHED = "SELECT data FROM agentkit.cache WHERE key = $1"


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
                except unique as error:
                    seq = next(row[1] for row in rows.events if row[0] == run)
                    refused[run] = Failure(taken(run, seq), error)
        if CLAIMABLE.intersection(rows.moves.values()):
            await self._connection.execute(f"NOTIFY {CHANNEL}")
        return refused

    async def _write(self, rows: Rows, runs: Sequence[str]) -> dict[str, Failure]:
        """One transaction with the events of these runs."""
        wanted = {*runs}
        leases = [(run, lease) for run, lease in rows.leases.items() if run in wanted]
        moves = [(run, move) for run, move in rows.moves.items() if run in wanted]
        events = [row for row in rows.events if row[0] in wanted]
        found = await self._connection.fetch(
            _WRITE,
            [*runs],
            [run for run, _ in leases],
            [lease.worker for _, lease in leases],
            [lease.epoch for _, lease in leases],
            *_columns(events, 7),
            *_columns(rows.cached, 2),
            *_columns(moves, 2),
        )
        return {row["id"]: Failure(lost(row["id"])) for row in found}


class PostgresReader:
    """Reads on pooled connections; texts become events in the caller's process, in a thread."""

    def __init__(self, server: Server, artifacts: ArtifactStore) -> None:
        self._server, self._artifacts = server, artifacts

    async def events(self, run: str, after: int) -> Sequence[Event]:
        """The stored events of a run with `seq > after`, in order."""
        rows = await self._server.read(lambda connection: connection.fetch(_EVENTS, run, after))
        return await asyncio.to_thread(self._decoded, rows)

    async def runs(self, limit: int) -> Sequence[RunSummary]:
        """The newest runs first."""

        async def query(connection: Any) -> tuple[Any, Any]:
            created = await connection.fetch(_RUNS, limit)
            return created, await connection.fetch(_LAST, [row["run"] for row in created])

        rows, newest = await self._server.read(query)
        created = await asyncio.to_thread(self._decoded, rows)
        last = {each.run: each for each in await asyncio.to_thread(self._decoded, newest)}
        return [
            summary(each, last[each.run], row["count"])
            for each, row in zip(created, rows, strict=True)
        ]

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

        async def query(connection: Any) -> set[str]:
            found: set[str] = set()
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                cursor = await connection.cursor(_ROWS)
                while rows := [row["data"] for row in await cursor.fetch(1000)]:
                    found |= await asyncio.to_thread(references, rows, self._artifacts)
            return found

        return await self._server.read(query)

    async def cached(self, key: str) -> Json:
        """A stored value by key, or None."""
        text = await self._server.read(lambda connection: connection.fetchval(_CACHED, key))
        if text is None:
            return None
        return (await asyncio.to_thread(decode, text, self._artifacts))["value"]

    async def damage(self, seen: Callable[[Event], None]) -> Sequence[str]:
        """Values that are gone or damaged outside of the database, which checks its own pages."""
        found: list[str] = []
        for run in await self._server.read(lambda connection: connection.fetch(_EVERY_RUN)):
            try:
                for event in await self.events(run["run"], 0):
                    seen(event)
            except StoreError as error:
                found.append(f"run {run['run']}: {error}")
        return found

    def close(self) -> None:
        """Let go of the connections."""
        self._server.close()

    def _decoded(self, rows: Sequence[Any]) -> list[Event]:
        return [
            Event(run, seq, time, type_, node, decode(data, self._artifacts), version)
            for run, seq, time, type_, node, version, data, *_ in rows
        ]


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[Any]:
    """Rows as lists of their columns, which travel as arrays."""
    return [*map(list, zip(*rows, strict=True))] if rows else [[] for _ in range(count)]
