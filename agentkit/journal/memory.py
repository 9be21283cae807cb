"""A journal that lives as long as its process: for tests, and for runs nobody will resume."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence, Set

from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal.failure import CLOSED, taken
from agentkit.journal.follow import Followers, follow
from agentkit.journal.summary import summary
from agentkit.journal.upkeep import hashes_in
from agentkit.protocols import RunSummary
from agentkit.types import Json


class MemoryJournal:
    """Events in lists. Nothing is durable, so `flush` returns at once.

    ```python
    import asyncio
    from agentkit.events import Event
    from agentkit.journal import MemoryJournal

    async def main() -> int:
        journal = MemoryJournal()
        journal.append(Event(run="r1", seq=1, time=0.0, type="run.created", data={"task": "add"}))
        return len(await journal.events("r1"))

    assert asyncio.run(main()) == 1
    ```
    """

    def __init__(self) -> None:
        self._runs: dict[str, list[Event]] = {}
        self._cache: dict[str, str] = {}
        self._followers = Followers()
        self._refused: dict[str, str] = {}
        self._closed = False

    def append(self, event: Event) -> None:
        """Keep an event. Raises `StoreError` where the run already has its number."""
        if self._closed or self._refused:
            self._check(event.run)
        log = self._runs.get(event.run)
        if log is None:
            log = self._runs[event.run] = []
        elif event.seq <= log[-1].seq:
            self._refused[event.run] = taken(event.run, event.seq)
            self._followers.fail(lambda: self._error(event.run), event.run)
            raise self._error(event.run)
        log.append(event)
        self._followers.push(event)

    def publish(self, event: Event) -> None:
        """Show a transient event to followers without keeping it."""
        self._followers.push(event)

    async def flush(self, run: str | None = None) -> None:
        """Returns at once. Raises `StoreError` if an event (of that run) was refused."""
        self._check(run)

    async def events(self, run: str, *, after: int = 0) -> Sequence[Event]:
        """The stored events of a run with `seq > after`, in order."""
        log = self._runs.get(run, [])
        # Most readers ask for everything or for the newest few; numbers need not be gapless.
        start = len(log)
        while start and log[start - 1].seq > after:
            start -= 1
        return log[start:]

    def tail(self, run: str, *, after: int = 0) -> AsyncGenerator[Event, None]:
        """The stored events, then each new one as it comes, until `run.ended`."""
        return follow(
            self._followers,
            run,
            after=after,
            read=lambda seq: self.events(run, after=seq),
            failure=lambda: self._error(run) if self._closed or run in self._refused else None,
        )

    async def runs(self, *, limit: int = 50) -> Sequence[RunSummary]:
        """The newest runs first."""
        created = [log for log in reversed(self._runs.values()) if log[0].type == "run.created"]
        created.sort(key=lambda log: -log[0].time)
        return [summary(log[0], log[-1], len(log)) for log in created[:limit]]

    async def forget(self, run: str, *, events: int) -> bool:
        """Remove a run that has so many events; False where it has gone on meanwhile."""
        if len(self._runs.get(run, ())) != events:
            return False
        self._runs.pop(run, None)
        return True

    async def references(self) -> Set[str]:
        """The sha256 of every artifact that a stored event or cached value names."""
        kept = [json.dumps(event.data) for log in self._runs.values() for event in log]
        return {name for text in (*kept, *self._cache.values()) for name in hashes_in(text)}

    async def get(self, key: str) -> Json:
        """A cached value by key, or None."""
        text = self._cache.get(key)
        return None if text is None else json.loads(text)

    def put(self, key: str, value: Json) -> None:
        """Keep a cached value."""
        # As text, so that a caller who changes the value later does not change the cache.
        self._cache[key] = json.dumps(value)

    async def close(self) -> None:
        """End the tails. What was appended can still be read."""
        self._closed = True
        self._followers.fail(lambda: self._error(None))

    def _check(self, run: str | None) -> None:
        refused = run in self._refused if run is not None else bool(self._refused)
        if refused or self._closed:
            raise self._error(run)

    def _error(self, run: str | None) -> StoreError:
        name = run if run is not None else next(iter(self._refused), None)
        error = StoreError(self._refused.get(name or "", CLOSED))
        error.run_id = name
        return error
