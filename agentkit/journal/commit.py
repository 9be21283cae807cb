"""What one transaction of the journal's SQLite file writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from agentkit.journal.database import FAILURES, NOW, connect, explain, touch
from agentkit.journal.failure import Failure, taken
from agentkit.journal.lease import Lease, Move, lost, outermost
from agentkit.journal.row import checked_event, checked_value
from agentkit.journal.writer import Row, Rows
from agentkit.types import Sync

_INSERT_EVENT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_CACHED = (
    "INSERT INTO cache VALUES (?, ?, ?) ON CONFLICT (key)"
    " DO UPDATE SET data=excluded.data, crc=excluded.crc"
)
_OWNER = (
    f"SELECT owner, epoch, coalesce(lease_until > {NOW}, FALSE)"
    " FROM run LEFT JOIN worker ON worker.id = run.owner WHERE run.id = ?"
)
_SUBMIT = (
    f"INSERT INTO run (id, status, epoch, wake_at) VALUES (?, 'ready', 0, max(?, {NOW}))"
    " ON CONFLICT DO NOTHING"
)
_DECIDE = (
    f"UPDATE run SET status = 'ready', wake_at = {NOW}"
    " WHERE id = ? AND status IN ('waiting', 'ended')"
)
_MOVE = (
    f"UPDATE run SET status = ?1, owner = ?2, wake_at = {NOW},"
    " deaths = CASE WHEN ?2 IS NULL THEN 0 ELSE deaths END WHERE id = ?3"
)


class SqliteSink:
    """Writes through one connection."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        sync: Sync,
        explained: Callable[[sqlite3.Error | UnicodeDecodeError], Failure],
    ) -> None:
        self._connection = connection
        self._sync: Sync = sync
        self._explained = explained

    def commit(self, rows: Rows) -> Mapping[str, Failure]:
        """Write it in one transaction. Returns the runs that may not be written, and why."""
        try:
            return self._commit(rows)
        except FAILURES as error:
            raise self._explained(error).error(None) from error

    def _commit(self, rows: Rows) -> Mapping[str, Failure]:
        connection = self._connection
        if self._sync == "power":
            connection.execute(f"PRAGMA synchronous = {'FULL' if rows.sync else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        before = connection.total_changes
        refused = self._fenced(rows)
        events = [row for row in rows.events if row[0] not in refused] if refused else rows.events
        try:
            connection.executemany(_INSERT_EVENT, [checked_event(row) for row in events])
        except sqlite3.IntegrityError:
            connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
            before = connection.total_changes
            refused = self._fenced(rows)
            self._insert_each([row for row in rows.events if row[0] not in refused], refused)
        for run, move in rows.moves.items():
            if run not in refused:
                self._move(run, move, rows)
        connection.executemany(_INSERT_CACHED, [checked_value(row) for row in rows.cached])
        if rows.sync and self._sync == "power" and connection.total_changes == before:
            touch(connection)  # what was committed before is flushed by a commit that writes only
        connection.execute("COMMIT")
        return refused

    def _fenced(self, rows: Rows) -> dict[str, Failure]:
        """The runs that another worker has claimed, or that this process's lease is over for."""
        return {
            run: lost(run) for run in rows.runs if not self._may_write(outermost(run), rows.leases)
        }

    def _may_write(self, run: str, leases: Mapping[str, Lease]) -> bool:
        found, lease = self._connection.execute(_OWNER, (run,)).fetchone(), leases.get(run)
        if found is None:
            return True
        owner, epoch, live = found
        if lease is None:
            return not live
        return bool(live) and (owner, epoch) == (lease.worker, lease.epoch)

    def _insert_each(self, rows: Sequence[Row], refused: dict[str, Failure]) -> None:
        """Insert what fits; a run whose number is taken stops there, the others go on."""
        for row in rows:
            run, seq = row[0], row[1]
            if run in refused:
                continue
            try:
                self._connection.execute(_INSERT_EVENT, checked_event(row))
            except sqlite3.IntegrityError:
                refused[run] = taken(run, seq)

    def _move(self, run: str, move: Move, rows: Rows) -> None:
        lease = rows.leases.get(run)
        if move == "submitted":
            self._connection.execute(_SUBMIT, (run, rows.wakes.get(run, 0.0)))
        elif move == "decided":
            self._connection.execute(_DECIDE, (run,))
        else:
            owner = lease.worker if lease is not None and move == "running" else None
            self._connection.execute(_MOVE, (move, owner, run))


@contextmanager
def sqlite_sink(path: Path, *, sync: Sync, lock_timeout_s: float) -> Generator[SqliteSink]:
    """A sink on a connection for the thread that asks for it. Raises `StoreError`."""

    def explained(error: sqlite3.Error | UnicodeDecodeError) -> Failure:
        return explain(error, path, lock_timeout_s=lock_timeout_s)

    try:
        connection = connect(path, lock_timeout_s=lock_timeout_s, sync=sync)
    except FAILURES as error:
        raise explained(error).error(None) from error
    with closing(connection):
        yield SqliteSink(connection, sync, explained)
