"""The tables of a journal in PostgreSQL, and how those of an earlier format are brought up to date.

One transaction does it, whole or not at all. Whoever uses the tables waits meanwhile; what an
earlier agentkit would write to them afterwards, without a checksum, is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from agentkit.errors import StoreError
from agentkit.journal.row import checked_event, checked_value

Step: TypeAlias = str | Callable[[Any], Awaitable[None]]
"""SQL, or what needs Python, on the connection that migrates."""

_PART = 1000
_EVENTS = f"""
SELECT run, seq, time, type, node, version, data FROM agentkit.event
WHERE (run, seq) > ($1, $2) ORDER BY run, seq LIMIT {_PART}
"""
_SET_EVENTS = """
UPDATE agentkit.event SET crc = checked.crc
FROM unnest($1::text[], $2::bigint[], $3::integer[]) AS checked (run, seq, crc)
WHERE event.run = checked.run AND event.seq = checked.seq
"""
_VALUES = f"SELECT key, data FROM agentkit.cache WHERE key > $1 ORDER BY key LIMIT {_PART}"
_SET_VALUES = """
UPDATE agentkit.cache SET crc = checked.crc
FROM unnest($1::text[], $2::integer[]) AS checked (key, crc) WHERE cache.key = checked.key
"""


async def _fill_checksums(connection: Any) -> None:
    """Of rows that were written before there were any."""
    run, seq = "", 0
    while rows := await connection.fetch(_EVENTS, run, seq):
        runs, seqs, *_, sums = zip(*map(checked_event, rows), strict=True)
        await connection.execute(_SET_EVENTS, runs, seqs, sums)
        run, seq = runs[-1], seqs[-1]
    key = ""
    while rows := await connection.fetch(_VALUES, key):
        keys, _, sums = zip(*map(checked_value, rows), strict=True)
        await connection.execute(_SET_VALUES, keys, sums)
        key = keys[-1]


MIGRATIONS: tuple[tuple[Step, ...], ...] = (
    (
        """
        CREATE TABLE agentkit.event (
            run text NOT NULL, seq bigint NOT NULL, time float8 NOT NULL, type text NOT NULL,
            node text, version integer NOT NULL, data text NOT NULL, PRIMARY KEY (run, seq));
        CREATE INDEX event_created ON agentkit.event (time) WHERE type = 'run.created';
        CREATE TABLE agentkit.cache (key text PRIMARY KEY, data text NOT NULL);
        CREATE TABLE agentkit.run (
            id text PRIMARY KEY, status text NOT NULL, owner text, epoch bigint NOT NULL,
            wake_at float8 NOT NULL) WITH (fillfactor = 70);
        CREATE INDEX run_open ON agentkit.run (wake_at) WHERE status IN ('ready', 'running');
        CREATE TABLE agentkit.worker (id text PRIMARY KEY, lease_until float8 NOT NULL)
            WITH (fillfactor = 70);
        """,
    ),
    (
        """
        ALTER TABLE agentkit.run ADD COLUMN deaths integer NOT NULL DEFAULT 0;
        ALTER TABLE agentkit.event ADD COLUMN crc integer;
        ALTER TABLE agentkit.cache ADD COLUMN crc integer;
        """,
        _fill_checksums,
        """
        ALTER TABLE agentkit.event ALTER COLUMN crc SET NOT NULL;
        ALTER TABLE agentkit.cache ALTER COLUMN crc SET NOT NULL;
        """,
    ),
)
"""Append only: `agentkit.format` counts those applied. Never change one."""

_PREPARE = """
    CREATE SCHEMA IF NOT EXISTS agentkit;
    CREATE TABLE IF NOT EXISTS agentkit.format (version integer NOT NULL);
"""
_LOCK = "SELECT pg_advisory_xact_lock(1634429300)"
"""`akit`: processes that open a new database at once migrate it one after the other."""

_LONGEST_S = 3600.0
"""For one statement: another process may be migrating a large database."""


async def migrate(connection: Any, name: str) -> None:
    """Makes the tables of the database of this name, or brings them up to date. Raises
    `StoreError` where they are of a newer format."""
    if await _version(connection, name) == len(MIGRATIONS):
        return
    async with connection.transaction():
        await connection.execute(_LOCK, timeout=_LONGEST_S)
        await connection.execute(_PREPARE)
        for number in range(await _version(connection, name), len(MIGRATIONS)):
            for step in MIGRATIONS[number]:
                if isinstance(step, str):
                    await connection.execute(step, timeout=_LONGEST_S)
                else:
                    await step(connection)
            await connection.execute(f"INSERT INTO agentkit.format VALUES ({number + 1})")


async def _version(connection: Any, name: str) -> int:
    if await connection.fetchval("SELECT to_regclass('agentkit.format')") is None:
        return 0
    version: int = await connection.fetchval("SELECT max(version) FROM agentkit.format") or 0
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{name} was written by a newer agentkit (journal format {version}, this one knows "
            f"up to {len(MIGRATIONS)}): upgrade agentkit"
        )
    return version
