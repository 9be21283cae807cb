"""Reads a whole journal file, and gives what is damaged in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal.database import FAILURES, explain
from agentkit.journal.row import (
    CACHE_COLUMNS,
    EVENT_COLUMNS,
    WHAT_NOW,
    cached_of,
    event_of,
    shown,
)
from agentkit.protocols import ArtifactStore

_MOST_PROBLEMS = 100
"""Of SQLite's own check, which may find as many as there are pages."""


def damage(
    connection: sqlite3.Connection,
    path: Path,
    artifacts: ArtifactStore,
    *,
    seen: Callable[[Event], None],
) -> Iterator[str]:
    """What is wrong, with its place; `seen` is told of every event that is as it was written.

    Texts of the connection are bytes.
    """
    parts = (
        _events(connection, path, artifacts, seen),
        _cached(connection, path, artifacts),
        _file(connection, path),
    )
    for part in parts:
        try:
            yield from part
        except FAILURES as error:
            yield explain(error, path, lock_timeout_s=0).message


def _file(connection: sqlite3.Connection, path: Path) -> Iterator[str]:
    for (said,) in connection.execute(f"PRAGMA integrity_check({_MOST_PROBLEMS})"):
        if said != b"ok":
            yield f"{path}: {shown(said)}"


def _events(
    connection: sqlite3.Connection,
    path: Path,
    artifacts: ArtifactStore,
    seen: Callable[[Event], None],
) -> Iterator[str]:
    run: Any = None
    expected = 1
    for row in connection.execute(f"SELECT {EVENT_COLUMNS} FROM event ORDER BY run, seq"):
        if row[0] != run:
            run, expected = row[0], 1
        if row[1] != expected:
            yield f"run {shown(run)} in {path}: event {expected} is gone, there is {row[1]!r}"
        expected = row[1] + 1 if isinstance(row[1], int) else expected + 1
        try:
            seen(event_of(row, artifacts, path))
        except StoreError as error:
            yield str(error).removesuffix(f": {WHAT_NOW}")


def _cached(connection: sqlite3.Connection, path: Path, artifacts: ArtifactStore) -> Iterator[str]:
    for row in connection.execute(f"SELECT {CACHE_COLUMNS} FROM cache"):
        if cached_of(row, artifacts) is None:
            yield f"cached value {shown(row[0])} in {path} is damaged; it will be made again"
