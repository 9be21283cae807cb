"""Reads a whole journal, and gives what is damaged in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
        _events(connection, EventCheck(path, artifacts, seen)),
        _values(connection, path, artifacts),
        _file(connection, path),
    )
    for part in parts:
        try:
            yield from part
        except FAILURES as error:
            yield explain(error, path, lock_timeout_s=0).message


def _events(connection: sqlite3.Connection, check: EventCheck) -> Iterator[str]:
    yield from check.damage(
        connection.execute(f"SELECT {EVENT_COLUMNS} FROM event ORDER BY run, seq")
    )


def _values(connection: sqlite3.Connection, path: Path, artifacts: ArtifactStore) -> Iterator[str]:
    rows = connection.execute(f"SELECT {CACHE_COLUMNS} FROM cache")
    yield from damaged_values(rows, artifacts, path)


def _file(connection: sqlite3.Connection, path: Path) -> Iterator[str]:
    for (said,) in connection.execute(f"PRAGMA integrity_check({_MOST_PROBLEMS})"):
        if said != b"ok":
            yield f"{path}: {shown(said)}"


@dataclass(slots=True)
class EventCheck:
    """Looks through the events of a whole journal, whose rows come by run and number, in as many
    parts as one likes; `seen` is told of every one that is as it was written."""

    where: object
    artifacts: ArtifactStore
    seen: Callable[[Event], None]
    _run: Any = None
    _expected: int = 1

    def damage(self, rows: Iterable[Sequence[Any]]) -> Iterator[str]:
        """What is wrong with these, with its place."""
        for row in rows:
            run, seq = row[0], row[1]
            if run != self._run:
                self._run, self._expected = run, 1
            if seq != self._expected:
                gone = f"event {self._expected} is gone, there is {seq!r}"
                yield f"run {shown(run)} in {self.where}: {gone}"
            self._expected = 1 + (seq if isinstance(seq, int) else self._expected)
            try:
                self.seen(event_of(row, self.artifacts, self.where))
            except StoreError as error:
                yield str(error).removesuffix(f": {WHAT_NOW}")


def damaged_values(
    rows: Iterable[Sequence[Any]], artifacts: ArtifactStore, where: object
) -> Iterator[str]:
    """The same for cached values."""
    for row in rows:
        if cached_of(row, artifacts) is None:
            yield f"cached value {shown(row[0])} in {where} is damaged; it will be made again"
