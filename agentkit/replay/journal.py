"""The journal of a replay: what is appended must be what was recorded."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence, Set

from agentkit.events import Event
from agentkit.journal.memory import MemoryJournal
from agentkit.protocols import RunSummary
from agentkit.replay.cursor import Cursor
from agentkit.types import Json


class ComparingJournal:
    """In memory, begun with the events `before`. It keeps and shows nothing to anybody else."""

    def __init__(self, cursor: Cursor, before: Sequence[Event]) -> None:
        self._cursor = cursor
        self._kept = MemoryJournal()
        for event in before:
            self._kept.append(event)

    def append(self, event: Event, by: object = None) -> None:
        """Keep an event. Raises `StoreError` where the recorded run has another one."""
        self._cursor.accept(event)
        self._kept.append(event)

    def publish(self, event: Event) -> None:
        """Nobody follows a replay."""

    async def flush(self, run: str | None = None, by: object = None) -> None:
        """Returns at once."""

    async def events(self, run: str, *, after: int = 0) -> Sequence[Event]:
        """The events so far."""
        return await self._kept.events(run, after=after)

    def tail(self, run: str, *, after: int = 0, by: object = None) -> AsyncGenerator[Event, None]:
        """The events so far and each new one."""
        return self._kept.tail(run, after=after)

    async def runs(self, *, limit: int = 50) -> Sequence[RunSummary]:
        """The replayed run."""
        return await self._kept.runs(limit=limit)

    async def forget(self, run: str, *, events: int) -> bool:
        """Nothing is forgotten while it is replayed."""
        return False

    async def references(self) -> Set[str]:
        """What the events so far name."""
        return await self._kept.references()

    async def get(self, key: str) -> Json:
        """Nothing: what came from a cache is in the journal."""
        return None

    def put(self, key: str, value: Json) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """There is nothing to let go of."""
