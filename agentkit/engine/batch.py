"""Calls that meet are made as one.

Work-conserving: a batch starts as soon as there is something to do and nothing in flight, with
what is there; what comes meanwhile makes the next one. A lone call never waits.

Nothing here knows of tools or runs: a class with one async call, for one model on one device,
wherever it stands.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from agentkit.engine.rate import Rate
from agentkit.engine.tasks import STOPS

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, eq=False)
class Waiting:
    """One call that waits for its batch: its item, and what it comes to, a failure too."""

    item: Any
    end: asyncio.Future[Any]
    context: Context
    batch: Sequence[Waiting] = ()
    task: asyncio.Task[None] | None = None
    """What makes the batch that this call was gathered into, once that has begun."""


class Batcher(Generic[T, R]):
    """Gathers the concurrent calls of one function over lists, on one event loop.

    `make` is given some items and gives a result for each, in their order; an exception among these
    is the failure of its own item. A batch has at most `most` items, all of the same `key`;
    `at_once` batches are made at the same time, and `per_s` are begun in a second. Where `make`
    raises, and `apart` says of the error that one item may be to blame, the batch is made again in
    halves, so that only that item fails; else all fail.

    >>> async def doubled(numbers: list[int]) -> list[int]:
    ...     return [2 * number for number in numbers]
    >>> async def main() -> list[int]:
    ...     double = Batcher(doubled, most=16)
    ...     return await asyncio.gather(*map(double.call, range(4)))
    >>> asyncio.run(main())
    [0, 2, 4, 6]
    """

    def __init__(
        self,
        make: Callable[[list[T]], Awaitable[Sequence[R | Exception]]],
        *,
        most: int,
        at_once: int = 1,
        per_s: float | None = None,
        key: Callable[[T], Hashable] | None = None,
        apart: Callable[[BaseException], bool] | None = None,
    ) -> None:
        self._make, self._most, self._free = make, most, at_once
        self._rate = Rate(per_s) if per_s else None
        self._key, self._apart = key, apart
        self._waiting: dict[Hashable, deque[Waiting]] = {}
        self._due: asyncio.Handle | None = None

    async def call(self, item: T) -> R:
        """The result of this item, or its failure raised."""
        end: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        waiting = Waiting(item, end, copy_context())
        key = None if self._key is None else self._key(item)
        self._waiting.setdefault(key, deque()).append(waiting)
        self._start_soon()
        try:
            found = await end
        except asyncio.CancelledError:
            await _abandoned(waiting)
            raise
        if isinstance(found, BaseException):
            raise found
        return found  # type: ignore[no-any-return]  # a future of anything

    def hold(self) -> None:
        """A batch's work goes on though the batch has ended: its place stays taken for now."""
        self._free -= 1

    def let_go(self) -> None:
        """Such work is over."""
        self._free += 1
        self._start_soon()

    def close(self) -> None:
        """Nobody will call any more."""
        if self._due is not None:
            self._due.cancel()

    def _start_soon(self) -> None:
        """Start after the calls that come in this same turn of the loop, when the rate allows."""
        if self._due is None and self._free > 0 and self._waiting:
            loop = asyncio.get_running_loop()
            if self._rate is not None and (at := self._rate.next_at()) > loop.time():
                self._due = loop.call_at(at, self._start)
            else:
                self._due = loop.call_soon(self._start)

    def _start(self) -> None:
        self._due = None
        loop = asyncio.get_running_loop()
        if self._rate is not None and self._rate.next_at() > loop.time():
            self._start_soon()  # half of a batch has taken this turn meanwhile
            return
        if batch := self._take():
            self._free -= 1
            if self._rate is not None:
                self._rate.reserve(loop.time())
            # As if its oldest call had made it, and not whoever made the batch before.
            task = loop.create_task(self._run(batch), context=batch[0].context)
            for each in batch:
                each.batch, each.task = batch, task
        self._start_soon()

    def _take(self) -> list[Waiting]:
        """The next batch: the keys take turns, and of each its oldest calls come first."""
        batch: list[Waiting] = []
        while self._waiting and not batch:
            key = next(iter(self._waiting))
            group = self._waiting.pop(key)
            while group and len(batch) < self._most:
                waiting = group.popleft()
                if not waiting.end.done():  # else it was cancelled
                    batch.append(waiting)
            if group:
                self._waiting[key] = group
        return batch

    async def _run(self, batch: list[Waiting]) -> None:
        try:
            await self._hand_over(batch)
        finally:
            for each in batch:
                each.end.cancel()  # those that have come to nothing: the batch was cancelled
            self.let_go()

    async def _hand_over(self, batch: list[Waiting]) -> None:
        """Make the batch, and give each of its calls what it comes to."""
        try:
            results = await self._make([each.item for each in batch])
            for each, result in zip(batch, results, strict=True):
                _end(each, result)
        except STOPS:
            raise
        except BaseException as error:  # noqa: BLE001 - the boundary, for each call
            wanted = [each for each in batch if not each.end.done()]
            if len(batch) == 1 or self._apart is None or not self._apart(error):
                for each in wanted:
                    _end(each, error)
                return
            middle = len(wanted) // 2
        else:
            return
        for half in (wanted[:middle], wanted[middle:]):
            if half := [each for each in half if not each.end.done()]:
                await self._turn()
                await self._hand_over(half)

    async def _turn(self) -> None:
        """Wait until the rate allows another call of the function."""
        if self._rate is not None:
            now = asyncio.get_running_loop().time()
            await asyncio.sleep(self._rate.reserve(now) - now)


async def _abandoned(waiting: Waiting) -> None:
    """Stop a batch that nobody waits for any more; whoever was the last returns when it has ended,
    however often that is itself cancelled.

    Otherwise the function would work on for nobody, beside what starts in the place of the calls.
    """
    task = waiting.task
    if task is None or not all(each.end.done() for each in waiting.batch):
        return
    if not task.done() and not task.cancelling():  # once: twice would cut off what it does at last
        task.cancel()
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])


def _end(waiting: Waiting, end: Any) -> None:
    if not waiting.end.done():  # else it was cancelled meanwhile
        waiting.end.set_result(end)
