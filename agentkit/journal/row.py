"""Events and cached values as rows, each with a checksum: what a disk gives back is what was
written, or it is refused with its place.

SQLite checks the frames of its log but not the pages of its file, and PostgreSQL its pages only
where it was told to, so a bit that flips in a page would go unnoticed. Rows are read with their
texts as bytes: what is no text any more is damaged, not an error of the database's.

>>> row = ("r1", 1, 0.5, "run.resumed", None, 1, "{}")
>>> event_checksum(*row) == event_checksum(*row[:-1], "{ }")
False
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from zlib import crc32

from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal.codec import decode
from agentkit.protocols import ArtifactStore
from agentkit.types import Json

EVENT_COLUMNS = "run, seq, time, type, node, version, data, crc"
CACHE_COLUMNS = "key, data, crc"

WHAT_NOW = (
    "restore the store from a backup, or run the task again; "
    "`agentkit store check` lists all that is damaged"
)


def event_checksum(
    run: str, seq: int, time: float, type_: str, node: str | None, version: int, data: str | bytes
) -> int:
    """32 bits over the whole row, as databases store them in four bytes: from -2**31 on."""
    head = f"{run}\0{seq}\0{time!r}\0{type_}\0{node or ''}\0{version}\0"
    return _checksum(head, data)


def cache_checksum(key: str, data: str | bytes) -> int:
    """The same for a cached value."""
    return _checksum(f"{key}\0", data)


def checked_event(row: Sequence[Any]) -> tuple[Any, ...]:
    """A row with its checksum, as it is stored."""
    run, seq, time, type_, node, version, data = row
    return (*row, event_checksum(run, seq, time, type_, node, version, data))


def checked_value(row: Sequence[Any]) -> tuple[Any, ...]:
    """The same for a cached value."""
    key, data = row
    return (*row, cache_checksum(key, data))


def _checksum(head: str, data: str | bytes) -> int:
    text = data.encode() if isinstance(data, str) else data
    return crc32(text, crc32(head.encode())) - 2**31


def event_of(row: Sequence[Any], artifacts: ArtifactStore, where: object) -> Event:
    """The event in a row whose texts are bytes. Raises `StoreError`, naming run and number."""
    if not _intact(row):
        place = f"event {row[1]!r} of run {shown(row[0])} in {where}"
        raise _damaged(row[0], f"{place} is damaged: {WHAT_NOW}")
    return _event(row, artifacts, where)


def _event(row: Sequence[Any], artifacts: ArtifactStore, where: object) -> Event:
    run, seq, time, type_, node, version, data, _ = row
    name, node = run.decode(), None if node is None else node.decode()
    try:
        content = decode(data.decode(), artifacts)
    except StoreError as error:
        raise _damaged(run, f"event {seq} of run {name} in {where}: {error}") from error
    return Event(name, seq, time, type_.decode(), node, content, version)


def _intact(row: Sequence[Any]) -> bool:
    run, seq, time, type_, node, version, data, checksum = row
    try:
        run, type_ = run.decode(), type_.decode()
        node = None if node is None else node.decode()
        return bool(checksum == event_checksum(run, seq, time, type_, node, version, data))
    except (AttributeError, TypeError, UnicodeDecodeError):
        return False  # not even of the types that were written


def events_of(
    run: str, rows: Iterable[Sequence[Any]], artifacts: ArtifactStore, where: object, *, after: int
) -> Iterator[Event]:
    """The events of a run numbered `after` + 1 and on, from the rows of that place in the table
    and behind it: where a damaged one ends them, the run must not look as if it ended there.

    Raises `StoreError`, naming run and number, for one that is damaged or gone.
    """
    expected = after + 1
    for row in rows:
        event = None
        if _intact(row):
            if row[0].decode() != run:
                return
            event = _event(row, artifacts, where)
        elif row[1] == 1 < expected:
            return  # the first of the next run
        if event is None or event.seq != expected:
            raise _damaged(
                run, f"event {expected} of run {run} in {where} is damaged or gone: {WHAT_NOW}"
            )
        yield event
        expected += 1


def cached_of(row: Sequence[Any], artifacts: ArtifactStore) -> Json:
    """The value in a row of the cache; None where it is damaged: it can be computed again."""
    key, data, checksum = row
    try:
        if checksum != cache_checksum(key.decode(), data):
            return None
        return decode(data.decode(), artifacts)["value"]
    except (AttributeError, TypeError, UnicodeDecodeError, StoreError):
        return None


def shown(text: object) -> str:
    """A text as it was stored, or what is left of it."""
    if isinstance(text, bytes):
        return text.decode(errors="backslashreplace")
    return str(text)


def _damaged(run: object, message: str) -> StoreError:
    error = StoreError(message)
    error.run_id = shown(run)
    return error
