"""Looks through a whole store for what is damaged or gone.

```python
import asyncio
from agentkit.damage import check
from agentkit.store import open_store

store = open_store("memory")
assert asyncio.run(check(store)).damage == ()
```
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from agentkit.artifacts import FolderArtifacts
from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal.durable import DurableJournal
from agentkit.store import Store
from agentkit.types import Json

_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was read, and a sentence for each thing that is not as it was written."""

    events: int
    artifacts: int
    damage: tuple[str, ...]


@dataclass(slots=True)
class _Seen:
    """The events that were read, and the artifacts that they name, with who names them."""

    events: int = 0
    named: dict[str, str] = field(default_factory=dict[str, str])

    def __call__(self, event: Event) -> None:
        self.events += 1
        for value in event.data.values():
            for sha256 in handles(value):
                self.named.setdefault(sha256, f"event {event.seq} of run {event.run}")


async def check(store: Store) -> Checked:
    """Reads every event, cached value and artifact. Raises `StoreError` where nothing can be read.

    Artifacts that no event names are read where the store can list them, as a folder can.
    """
    seen = _Seen()
    if isinstance(store.journal, DurableJournal):
        damage = [*await store.journal.verify(seen)]
    else:
        damage = await _unreadable(store, seen)
    artifacts, lost = await asyncio.to_thread(_artifacts, store, seen)
    return Checked(events=seen.events, artifacts=artifacts, damage=(*damage, *lost))


def handles(value: Json) -> Iterator[str]:
    """The sha256 of every artifact handle in a value.

    >>> [*handles([{"sha256": "ab", "media_type": "text/plain", "size_bytes": 3}])]
    ['ab']
    """
    match value:
        case {"sha256": str(sha256), "media_type": str(), "size_bytes": int()}:
            yield sha256
        case dict():
            for inner in value.values():
                yield from handles(inner)
        case list():
            for inner in value:
                yield from handles(inner)
        case _:
            pass


async def _unreadable(store: Store, seen: _Seen) -> list[str]:
    """What a journal refuses to read, run by run."""
    damage: list[str] = []
    for run in await store.journal.runs(limit=_ALL):
        try:
            for event in await store.journal.events(run.run):
                seen(event)
        except StoreError as error:
            damage.append(str(error))
    return damage


def _artifacts(store: Store, seen: _Seen) -> tuple[int, list[str]]:
    """How many there are, and what is wrong with them and with those that should be there."""
    artifacts = store.artifacts
    verify = artifacts.verify if isinstance(artifacts, FolderArtifacts) else artifacts.read
    there = set(artifacts.stored()) if isinstance(artifacts, FolderArtifacts) else set[str]()
    damage: list[str] = []
    for sha256 in sorted(there | seen.named.keys()):
        try:
            verify(sha256)
        except StoreError as error:
            namer = seen.named.get(sha256)
            damage.append(f"{error} (named by {namer})" if namer else str(error))
    return len(there | seen.named.keys()), damage
