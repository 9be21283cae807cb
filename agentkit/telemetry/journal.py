"""A journal that tells what is appended to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence, Set

from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.protocols import Journal, RunSummary
from agentkit.telemetry.spans import Spans
from agentkit.types import Json


class TracedJournal:
    """Any journal; each event that it takes is told to `spans` afterwards."""

    def __init__(self, inner: Journal, spans: Spans) -> None:
        self._inner, self._spans = inner, spans

    def append(self, event: Event, by: object = None) -> None:
        """Queue an event. Raises `StoreError`; then no more of what this writer does is told."""
        try:
            self._inner.append(event, by)
        except StoreError as error:
            self._spans.lose(event.run, by, type(error).__name__)
            raise
        self._spans.note(event, by)

    def publish(self, event: Event) -> None:
        """Show a transient event to followers without keeping it."""
        self._inner.publish(event)
        if event.type == "model.text":
            self._spans.first_text(event)

    async def flush(self, run: str | None = None, by: object = None) -> None:
        """Returns when everything appended so far is durable. Raises `StoreError`."""
        await self._inner.flush(run, by)

    async def events(self, run: str, *, after: int = 0) -> Sequence[Event]:
        """The stored events of a run with `seq > after`, in order."""
        found = await self._inner.events(run, after=after)
        if not after:
            self._spans.learn(found)
        return found

    def tail(self, run: str, *, after: int = 0, by: object = None) -> AsyncGenerator[Event, None]:
        """The stored events, then each new one as it comes, until `run.ended`."""
        return self._inner.tail(run, after=after, by=by)

    async def runs(self, *, limit: int = 50) -> Sequence[RunSummary]:
        """The newest runs first."""
        return await self._inner.runs(limit=limit)

    async def forget(self, run: str, *, events: int) -> bool:
        """Remove a run that has so many events; False where it has gone on meanwhile."""
        return await self._inner.forget(run, events=events)

    async def references(self) -> Set[str]:
        """The sha256 of every artifact that a stored event or cached value names."""
        return await self._inner.references()

    async def get(self, key: str) -> Json:
        """A cached value by key, or None."""
        return await self._inner.get(key)

    def put(self, key: str, value: Json) -> None:
        """Queue a cached value."""
        self._inner.put(key, value)

    async def close(self) -> None:
        """Flush and let go of the store; the spans of what has not ended end here."""
        try:
            await self._inner.close()
        finally:
            self._spans.close()
