"""The journal's SQLite file: its tables, how it is opened, and what its errors mean."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from agentkit.errors import StoreError
from agentkit.journal.failure import Failure
from agentkit.journal.row import cache_checksum, event_checksum
from agentkit.types import Sync

NOW = "((julianday('now') - 2440587.5) * 86400.0)"
"""The time of the store, which leases are measured by: seconds since the epoch."""

APPLICATION_ID = 0x616B6974
"""`akit`: tells an agentkit journal from any other SQLite file."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE event ("
        " run TEXT NOT NULL, seq INTEGER NOT NULL, time REAL NOT NULL, type TEXT NOT NULL,"
        " node TEXT, version INTEGER NOT NULL, data TEXT NOT NULL,"
        " PRIMARY KEY (run, seq)) WITHOUT ROWID",
        "CREATE INDEX event_created ON event (time) WHERE type = 'run.created'",
        "CREATE TABLE cache (key TEXT NOT NULL PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID",
    ),
    (
        "CREATE TABLE run ("
        " id TEXT NOT NULL PRIMARY KEY, status TEXT NOT NULL, owner TEXT, epoch INTEGER NOT NULL,"
        " wake_at REAL NOT NULL) WITHOUT ROWID",
        "CREATE INDEX run_open ON run (wake_at) WHERE status IN ('ready', 'running')",
        "CREATE TABLE worker (id TEXT NOT NULL PRIMARY KEY, lease_until REAL NOT NULL)"
        " WITHOUT ROWID",
    ),
    (
        "ALTER TABLE event ADD COLUMN crc INTEGER",
        "UPDATE event SET crc = event_checksum(run, seq, time, type, node, version, data)",
        "ALTER TABLE cache ADD COLUMN crc INTEGER",
        "UPDATE cache SET crc = cache_checksum(key, data)",
    ),
    ("ALTER TABLE run ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0",),
)
"""Append only: a file's `user_version` counts those applied to it. Never change one."""


FAILURES = (sqlite3.Error, UnicodeDecodeError)
"""What using the file may raise; the latter where SQLite quotes a damaged schema in its error."""


def connect(path: Path, *, lock_timeout_s: float, sync: Sync = "power") -> sqlite3.Connection:
    """A connection in autocommit mode, for the thread that asks for it."""
    connection = sqlite3.connect(path, timeout=lock_timeout_s, isolation_level=None)
    connection.execute(f"PRAGMA synchronous = {'FULL' if sync == 'power' else 'NORMAL'}")
    connection.execute("PRAGMA cell_size_check = ON")  # a damaged page is refused, not guessed at
    return connection


def prepare(path: Path, *, lock_timeout_s: float) -> None:
    """Makes the file or brings its tables up to date. Raises `StoreError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(connect(path, lock_timeout_s=lock_timeout_s)) as connection:
            _check_owner(connection, path)
            _share(connection, path)
            _migrate(connection, path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StoreError(
            f"cannot open the store {path.parent}: {reason}; choose a store folder that you "
            "can write to"
        ) from error
    except FAILURES as error:
        raise explain(error, path, lock_timeout_s=lock_timeout_s).error(None) from error


def _check_owner(connection: sqlite3.Connection, path: Path) -> None:
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and owner != APPLICATION_ID:
        raise StoreError(
            f"{path} is an SQLite database of something else, not a journal of agentkit: choose "
            "another store folder"
        )


def _share(connection: sqlite3.Connection, path: Path) -> None:
    """Also where the file has a log already: a copy from a backup need not say so."""
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreError(
            f"the filesystem of {path} cannot share a journal between processes (SQLite's WAL): "
            "choose a store folder on a local disk"
        )


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection, path) == len(MIGRATIONS):
        return
    connection.create_function("event_checksum", 7, event_checksum, deterministic=True)
    connection.create_function("cache_checksum", 2, cache_checksum, deterministic=True)
    # Two processes may open a new store at once: the second finds the work done.
    connection.execute("BEGIN IMMEDIATE")
    for number in range(_version(connection, path), len(MIGRATIONS)):
        for statement in MIGRATIONS[number]:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.execute("COMMIT")


def touch(connection: sqlite3.Connection) -> None:
    """A change that changes nothing, for a transaction that has nothing else to write."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer agentkit (journal format {version}, this one knows "
            f"up to {len(MIGRATIONS)}): upgrade agentkit, or choose another store folder"
        )
    return int(version)


_MEANING = {
    sqlite3.SQLITE_FULL: "no room left on the disk: free some and resume the run",
    sqlite3.SQLITE_READONLY: "it is read-only: make the file and its folder writable, or choose "
    "another store folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check that its folder exists, is writable and "
    "has room, or choose another store folder",
    sqlite3.SQLITE_PERM: "no permission: make the file and its folder writable, or choose another "
    "store folder",
    sqlite3.SQLITE_NOTADB: "it is not a database: move the file away, or choose another store "
    "folder",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore it from a backup, or move it away and run the "
    "task again; `agentkit store check` lists what is damaged",
    sqlite3.SQLITE_IOERR: "the disk failed or is full: check the disk and its free room, then "
    "resume the run",
}


def explain(
    error: sqlite3.Error | UnicodeDecodeError, path: Path, *, lock_timeout_s: float
) -> Failure:
    """What an SQLite error means for whoever runs the agent, and what to do."""
    if isinstance(error, UnicodeDecodeError):
        code = sqlite3.SQLITE_CORRUPT
    else:
        # Errors of the sqlite3 module itself carry no code; extended ones keep it in the low byte.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        meaning = (
            f"another process has locked it for {lock_timeout_s:g} s: stop that process, or "
            "choose another store folder"
        )
    else:
        meaning = _MEANING.get(code, f"SQLite says {str(error)!r}: check the file and the disk")
    return Failure(f"cannot use the journal {path}: {meaning}", error)
