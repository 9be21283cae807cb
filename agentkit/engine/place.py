"""Where a call runs: on the event loop, in a thread, in a process; alone or in a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, cast

from agentkit.engine.batch import Batcher
from agentkit.engine.context import CallContext
from agentkit.engine.door import finished
from agentkit.engine.item import Item
from agentkit.engine.process import Processes
from agentkit.engine.threads import Threads
from agentkit.tool import Tool
from agentkit.types import Json


class TimedOut(TimeoutError):
    """An attempt took longer than its tool's `timeout_s`."""


class Places:
    """Runs attempts. Threads and processes are started when a call needs them.

    `spawn` starts a task that the scheduler owns; `freed` hears when an abandoned thread of a call
    has ended, so that its places can be given back.
    """

    def __init__(
        self,
        *,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        freed: Callable[[Item], None],
    ) -> None:
        self._spawn, self._freed = spawn, freed
        self._threads = Threads()
        self._processes = Processes()
        self._batchers: dict[str, Batcher] = {}

    async def attempt(
        self,
        item: Item,
        tool: Tool,
        args: Mapping[str, Json],
        kwargs: dict[str, Any],
        context: CallContext,
    ) -> Json:
        """The validated result of one attempt. Raises what the tool raises, `TimedOut`."""
        if tool.batch:
            # The time limit is of the batch's call: waiting for one's turn does not count.
            return finished(tool, await self._batcher(tool).call(kwargs), context)
        if tool.runs == "loop":
            call = _awaited(tool, kwargs, context)
        elif tool.runs == "thread":
            call = self._in_thread(partial(_blocking, tool, kwargs, context), item)
        else:
            call = self._processes.run(tool, args, context)
        return cast("Json", await within(tool, call))

    async def close(self) -> None:
        """End the threads that idle and every process."""
        self._threads.close()
        await self._processes.close()

    def _batcher(self, tool: Tool) -> Batcher:
        found = self._batchers.get(tool.name)
        if found is None:
            found = Batcher(tool, partial(self._make, tool), self._spawn)
            self._batchers[tool.name] = found
        return found

    async def _make(self, tool: Tool, kwargs: dict[str, Any]) -> Any:
        if tool.runs == "loop":
            return await within(tool, tool.function(**kwargs))
        return await within(tool, self._in_thread(partial(tool.function, **kwargs), None))

    async def _in_thread(self, call: Callable[[], Any], item: Item | None) -> Any:
        def abandoned() -> None:
            if item is not None:
                item.lingering += 1

        def freed() -> None:
            if item is not None:
                item.lingering -= 1
                self._freed(item)

        return await self._threads.run(call, abandoned=abandoned, freed=freed)


async def within(tool: Tool, call: Coroutine[Any, Any, Any]) -> Any:
    """What the call comes to within the tool's time limit. Raises `TimedOut`."""
    if tool.timeout_s is None:
        return await call
    limit = asyncio.timeout(tool.timeout_s)
    try:
        async with limit:
            return await call
    except TimeoutError as error:
        if not limit.expired():
            raise  # the tool's own
        raise TimedOut(
            f"{tool.name}: no result within {tool.timeout_s:g} s, its timeout_s"
        ) from error


async def _awaited(tool: Tool, kwargs: dict[str, Any], context: CallContext) -> Json:
    return finished(tool, await tool.function(**kwargs), context)


def _blocking(tool: Tool, kwargs: dict[str, Any], context: CallContext) -> Json:
    return finished(tool, tool.function(**kwargs), context)
