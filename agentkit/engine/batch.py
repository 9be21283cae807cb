"""Calls that meet are made as one: `@tool(batch=16)`.

Work-conserving: a batch starts as soon as there is something to do and nothing in flight, with
what is there; what comes meanwhile makes the next one. A lone call never waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.engine.door import results_of
from agentkit.engine.lane import Rate
from agentkit.tool import Tool


@dataclass(slots=True, eq=False)
class Waiting:
    """One call that waits for its batch: the function's parameter, its item, its result."""

    parameter: str
    item: Any
    result: asyncio.Future[Any]
    batch: Sequence[Waiting] = ()
    task: asyncio.Task[None] | None = None
    """The call that this one was gathered into, once that has begun."""


class Batcher:
    """Gathers the concurrent calls of one tool.

    `make` makes the tool's call with its one list; `spawn` starts a task that the caller owns.
    """

    def __init__(
        self,
        tool: Tool,
        make: Callable[[dict[str, Any]], Awaitable[Any]],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._tool, self._make, self._spawn = tool, make, spawn
        self._waiting: deque[Waiting] = deque()
        self._rate = Rate(tool.rate_per_s) if tool.rate_per_s else None
        self._free = tool.concurrency or 1
        self._due = False

    async def call(self, kwargs: dict[str, Any]) -> Any:
        """The element of the tool's returned list that belongs to this call."""
        ((parameter, item),) = kwargs.items()
        waiting = Waiting(parameter, item, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._call_soon()
        try:
            return await waiting.result
        except asyncio.CancelledError:
            await _abandoned(waiting)
            raise

    def _call_soon(self) -> None:
        """Start after the calls that become ready in this same turn of the loop."""
        if not self._due and self._free and self._waiting:
            self._due = True
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        self._due = False
        while self._free and (batch := self._take()):
            self._free -= 1
            task = self._spawn(self._run(batch))
            for each in batch:
                each.batch, each.task = batch, task

    def _take(self) -> list[Waiting]:
        batch: list[Waiting] = []
        while self._waiting and len(batch) < (self._tool.batch or 1):
            waiting = self._waiting.popleft()
            if not waiting.result.done():  # else its node was cancelled
                batch.append(waiting)
        return batch

    async def _run(self, batch: list[Waiting]) -> None:
        try:
            if self._rate is not None:
                now = asyncio.get_running_loop().time()
                await asyncio.sleep(self._rate.reserve(now) - now)
            returned = await self._make({batch[0].parameter: [each.item for each in batch]})
            results = results_of(self._tool, returned, len(batch))
            for each, result in zip(batch, results, strict=True):
                _hand_over(each.result, result)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the tool's boundary, for each call
            for each in batch:
                _hand_over(each.result, error)
        finally:
            for each in batch:
                each.result.cancel()  # those that have no result by now: the run was cancelled
            self._free += 1
            self._call_soon()


async def _abandoned(waiting: Waiting) -> None:
    """Stop a batch that nobody waits for any more; the call's places are taken until it has ended.

    Otherwise the tool would work on for nobody, beside calls that start in its place.
    """
    task = waiting.task
    if task is not None and not task.done() and all(each.result.done() for each in waiting.batch):
        task.cancel()
        await asyncio.wait([task])


def _hand_over(waiting: asyncio.Future[Any], result: Any) -> None:
    if waiting.done():
        return  # cancelled meanwhile
    if isinstance(result, Exception | SystemExit):
        waiting.set_exception(result)
    else:
        waiting.set_result(result)
