"""The queue of runs in the journal's SQLite file, for workers on one machine."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from agentkit.journal.database import FAILURES, NOW, connect, explain
from agentkit.journal.lease import Lease
from agentkit.journal.writer import Writer
from agentkit.protocols import ANY_DEATHS, Claim

T = TypeVar("T")

TIMER_S = 0.5
"""How often a worker with a free place looks for runs where nothing tells it that there are any."""

_JOIN = f"INSERT INTO worker VALUES (?, {NOW} + ?)"
_FORGET = (
    f"DELETE FROM worker WHERE lease_until < {NOW} - 86400"
    " AND id NOT IN (SELECT owner FROM run WHERE status = 'running' AND owner IS NOT NULL)"
)
_RENEW = f"UPDATE worker SET lease_until = {NOW} + ? WHERE id = ? AND lease_until > {NOW}"
_LIVE = f"SELECT 1 FROM worker WHERE id = ? AND lease_until > {NOW}"
_OPEN = (
    "SELECT run.id, epoch, deaths + (status = 'running')"
    " FROM run LEFT JOIN worker ON worker.id = owner WHERE"
    f" ((status = 'ready' AND wake_at <= {NOW}) OR (status = 'running' AND lease_until <= {NOW}))"
    " AND deaths + (status = 'running') BETWEEN ? AND ? ORDER BY wake_at LIMIT ?"
)
_CLAIM = "UPDATE run SET status = 'running', owner = ?, epoch = ?, deaths = ? WHERE id = ?"
_FREE = (
    "UPDATE run SET status = 'ready', owner = NULL, deaths = 0"
    " WHERE status = 'running' AND owner = ?"
)
_LEAVE = "DELETE FROM worker WHERE id = ?"


class SqliteQueue:
    """Runs to be claimed; what is claimed here can be written by `writer` alone."""

    def __init__(self, path: Path, writer: Writer, *, lock_timeout_s: float = 10.0) -> None:
        self._path, self._writer = path, writer
        self._lock_timeout_s = lock_timeout_s

    async def join(self, worker: str, *, lease_s: float) -> None:
        """A lease of `lease_s` seconds for a new worker."""

        def join(connection: sqlite3.Connection) -> None:
            connection.execute(_FORGET)
            connection.execute(_JOIN, (worker, lease_s))

        await self._write(join)

    async def renew(self, worker: str, *, lease_s: float) -> bool:
        """Whether the lease was still running; it ends `lease_s` seconds from now then."""
        renewed = await self._write(
            lambda connection: connection.execute(_RENEW, (lease_s, worker))
        )
        return renewed.rowcount == 1

    async def claim(
        self, worker: str, *, limit: int, deaths: range = ANY_DEATHS
    ) -> Sequence[Claim]:
        """Runs that are this worker's now, at most `limit`; none where its lease is over."""
        bounds = (deaths.start, deaths.stop - 1, limit)

        def claim(connection: sqlite3.Connection) -> list[tuple[str, int, int]]:
            if connection.execute(_LIVE, (worker,)).fetchone() is None:
                return []
            found: list[tuple[str, int, int]] = connection.execute(_OPEN, bounds).fetchall()
            claims = [(run, epoch + 1, died) for run, epoch, died in found]
            moved = [(worker, epoch, died, run) for run, epoch, died in claims]
            connection.executemany(_CLAIM, moved)
            return claims

        await self._writer.drained()
        claims = await self._write(claim)
        for run, epoch, _ in claims:
            self._writer.hold(run, Lease(worker, epoch))
        return [Claim(run, deaths=died) for run, _, died in claims]

    async def leave(self, worker: str) -> None:
        """The worker's lease ends, and what it still holds is ready for another one."""

        def leave(connection: sqlite3.Connection) -> None:
            connection.execute(_FREE, (worker,))
            connection.execute(_LEAVE, (worker,))

        await self._write(leave)

    async def wait(self, timeout_s: float = TIMER_S) -> None:
        """Returns after `timeout_s` seconds: SQLite tells nobody what another process wrote."""
        await asyncio.sleep(timeout_s)

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(self._transaction, work)

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The work's result, once it is committed. Raises `StoreError`."""
        try:
            with closing(connect(self._path, lock_timeout_s=self._lock_timeout_s)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                done = work(connection)
                connection.execute("COMMIT")
                return done
        except FAILURES as error:
            failure = explain(error, self._path, lock_timeout_s=self._lock_timeout_s)
            raise failure.error(None) from error
