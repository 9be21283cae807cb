"""For the upkeep of a store: a run is forgotten, the artifacts that are in use are found."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator

from agentkit.journal.codec import SPILLED
from agentkit.protocols import ArtifactStore

_SHA256 = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def hashes_in(text: str) -> list[str]:
    """All that looks like a sha256.

    >>> hashes_in(f"see {'0f' * 32}, and {'0f' * 33}") == ["0f" * 32]
    True
    """
    return _SHA256.findall(text)


def references(rows: Iterable[str | bytes], artifacts: ArtifactStore) -> set[str]:
    """The hashes that these rows of a journal name, and that their spilled values name.

    Whatever looks like a hash counts: a handle may stand in a text, in a plan, at any depth, and
    one too many keeps some bytes too long where one too few would lose them. Raises `StoreError`
    where a spilled value cannot be read: nobody knows what it names.
    """
    found: set[str] = set()
    for row in rows:
        text = row.decode(errors="replace") if isinstance(row, bytes) else row
        named = hashes_in(text)
        if SPILLED in text:
            for sha256 in json.loads(text).get(SPILLED, {}).values():
                if sha256 not in found:
                    named += hashes_in(artifacts.read(sha256).decode(errors="replace"))
        found.update(named)
    return found


def stored_rows(connection: sqlite3.Connection) -> Iterator[str | bytes]:
    """The data of every event and of every cached value."""
    for (text,) in connection.execute("SELECT data FROM event UNION ALL SELECT data FROM cache"):
        yield text


def forget(connection: sqlite3.Connection, run: str, events: int) -> bool:
    """Removes a run with so many events that no worker is to carry on; whole or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    (found,) = connection.execute("SELECT count(*) FROM event WHERE run = ?", (run,)).fetchone()
    queued = connection.execute("SELECT status FROM run WHERE id = ?", (run,)).fetchone()
    fits = bool(found == events and (queued is None or queued[0] == "ended"))
    if fits:
        connection.execute("DELETE FROM event WHERE run = ?", (run,))
        connection.execute("DELETE FROM run WHERE id = ?", (run,))
    connection.execute("COMMIT")
    return fits
