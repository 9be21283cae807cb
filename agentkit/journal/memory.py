"""A journal that lives as long as its process: for tests, and for runs nobody will resume."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence, Set

from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal.failure import CLOSED, Failure, taken
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
        self._refused: dict[object, Failure] = {}
        self._closed = False

    def append(self, event: Event, by: object = None) -> None:
        """Keep an event. Raises `StoreError` where the run already has its number."""
        if self._closed or self._refused:
            self._check(event.run if by is None else by, event.run)
        log = self._runs.get(event.run)
        if log is None:
            log = self._runs[event.run] = []
        elif event.seq <= log[-1].seq:
            raise self._refuse(event, event.run if by is None else by)
        log.append(event)
        self._followers.push(event, by)

    def publish(self, event: Event) -> None:
        """Show a transient event to followers without keeping it."""
        self._followers.push(event)

    async def flush(self, run: str | None = None, by: object = None) -> None:
        """Returns at once. Raises `StoreError` if an event of this writer was refused."""
        self._check(run if by is None else by, run)

    async def events(self, run: str, *, after: int = 0) -> Sequence[Event]:
        """The stored events of a run with `seq > after`, in order."""
        log = self._runs.get(run, [])
        # Most readers ask for everything or for the newest few; numbers need not be gapless.
        start = len(log)
        while start and log[start - 1].seq > after:
            start -= 1
        return log[start:]

    def tail(self, run: str, *, after: int = 0, by: object = None) -> AsyncGenerator[Event, None]:
        """The stored events, then each new one as it comes, until `run.ended`."""
        who = run if by is None else by
        return follow(
            self._followers,
            run,
            after=after,
            by=by,
            read=lambda seq: self.events(run, after=seq),
            failure=lambda: self._error(who, run) if self._stopped(who) else None,
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
        self._followers.fail(lambda: self._error(None, None))

    def _refuse(self, event: Event, by: object) -> StoreError:
        run = event.run
        self._refused[by] = taken(run, event.seq)
        # Whoever else follows the run goes on: so does somebody else who writes it.
        self._followers.fail(lambda: self._error(by, run), run, None if by == run else by)
        return self._error(by, run)

    def _stopped(self, by: object) -> bool:
        return self._closed or by in self._refused

    def _check(self, by: object, run: str | None) -> None:
        if self._stopped(by):
            raise self._error(by, run)

    def _error(self, by: object, run: str | None) -> StoreError:
        return self._refused.get(by, Failure(CLOSED)).error(run)
