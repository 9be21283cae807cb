"""Following runs live: the part of `tail` that every journal in this process shares."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress

from agentkit.errors import StoreError
from agentkit.events import Event

_SLOW = 1000
"""A follower that is so many events behind gets no more transient ones: it could not show them."""


class Follower:
    """The inbox of one tail: filled from any thread, emptied on the loop that made it. `by` is the
    writer that follows what it writes, if it is one's: what others append is not for it."""

    def __init__(self, by: object = None) -> None:
        self.by = by
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._arrived = asyncio.Event()
        self._inbox: deque[Event] = deque()
        self._failure: Callable[[], StoreError] | None = None

    def push(self, event: Event) -> None:
        if not event.seq and len(self._inbox) >= _SLOW:
            return
        self._inbox.append(event)
        self._wake()

    def fail(self, failure: Callable[[], StoreError]) -> None:
        """No more events will come: the tail ends with this error once its inbox is empty."""
        self._failure = failure
        self._wake()

    async def next(self) -> Event:
        """The next event. Raises `StoreError` where the journal failed or was closed."""
        while not self._inbox:
            if self._failure is not None:
                raise self._failure()
            # An event that comes between the two lines below sets the flag again.
            self._arrived.clear()
            if not self._inbox and self._failure is None:
                await self._arrived.wait()
        return self._inbox.popleft()

    def first_stored(self) -> int | None:
        """The number of the first event in the inbox that is stored, if one is there."""
        return next((event.seq for event in tuple(self._inbox) if event.seq), None)

    def _wake(self) -> None:
        if threading.get_ident() == self._thread:
            self._arrived.set()
        elif not self._arrived.is_set():
            # A closed loop means that nobody will read this inbox any more.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._arrived.set)


class Followers:
    """Who follows which run. Readable from any thread without a lock: tuples are replaced."""

    def __init__(self) -> None:
        self._by_run: dict[str, tuple[Follower, ...]] = {}
        self._lock = threading.Lock()

    def push(self, event: Event, by: object = None) -> None:
        for follower in self._by_run.get(event.run, ()):
            if by is None or follower.by is None or follower.by == by:
                follower.push(event)

    def fail(
        self, failure: Callable[[], StoreError], run: str | None = None, by: object = None
    ) -> None:
        """End the tails of one writer of a run, of the run, or of all, with an error."""
        with self._lock:
            runs = list(self._by_run) if run is None else [run]
            found = [follower for name in runs for follower in self._by_run.get(name, ())]
        failed = [each for each in found if by is None or each.by == by]
        for follower in failed:
            follower.fail(failure)

    @contextmanager
    def subscribed(self, run: str, by: object = None) -> Generator[Follower, None, None]:
        """A follower of the run, from now until the end of the block."""
        follower = Follower(by)
        with self._lock:
            self._by_run[run] = (*self._by_run.get(run, ()), follower)
        try:
            yield follower
        finally:
            with self._lock:
                left = tuple(each for each in self._by_run[run] if each is not follower)
                if left:
                    self._by_run[run] = left
                else:
                    del self._by_run[run]


async def follow(
    followers: Followers,
    run: str,
    *,
    after: int,
    by: object = None,
    read: Callable[[int], Awaitable[Sequence[Event]]],
    failure: Callable[[], StoreError | None],
) -> AsyncGenerator[Event, None]:
    """The stored events with `seq > after`, then the live ones: none missing, none twice.

    `read(n)` gives the stored events after `n` and sees everything appended before it was called;
    `failure()` says why no more will come, if so. Subscribing first and reading second leaves no
    gap; the sequence number tells what came both ways.
    """
    with followers.subscribed(run, by) as follower:
        # The event at `after` is read again because it may be the run's end.
        stored = await read(max(after - 1, 0))
        # What came meanwhile is in the inbox too, in its order and with what is never stored.
        live = follower.first_stored()
        last = after
        for event in stored:
            if live is not None and event.seq >= live:
                break
            if event.seq > last:
                last = event.seq
                yield event
        if live is None and stored and stored[-1].type == "run.ended":
            return
        if failure() is not None:
            follower.fail(lambda: failure() or StoreError("the journal failed"))
        # What is stored is right where somebody was refused with another event of the same number.
        known = {event.seq: event for event in stored if event.seq > last}
        while True:
            event = await follower.next()
            event = known.get(event.seq, event)
            if not event.seq or event.seq > last:
                last = event.seq or last
                yield event
            if event.type == "run.ended" and event.seq >= last:
                return
