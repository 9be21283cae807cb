"""Where a call runs: on the event loop, in a thread, in a process; alone or in a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from agentkit.engine.context import CallContext
from agentkit.engine.door import finished
from agentkit.engine.item import Item
from agentkit.engine.meeting import Meeting
from agentkit.engine.process import Processes
from agentkit.engine.threads import Threads
from agentkit.engine.timelimit import within
from agentkit.tool import Tool
from agentkit.types import Json


class Places:
    """Runs attempts. Threads and processes are started when a call needs them.

    `freed` hears when an abandoned thread of a call has ended, so that its places can be given
    back.
    """

    def __init__(self, *, freed: Callable[[Item], None]) -> None:
        self._freed = freed
        self._threads = Threads()
        self._processes = Processes()
        self._meetings: dict[str, Meeting] = {}
        self._awaited: dict[Item, asyncio.Event] = {}

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
            return finished(tool, await self._in_batch(item, tool, kwargs), context)
        if tool.runs == "loop":
            call = _awaited(tool, kwargs, context)
        elif tool.runs == "thread":
            call = self._in_thread(partial(_blocking, tool, kwargs, context), item)
        else:
            call = self._processes.run(tool, args, context)
        return cast("Json", await within(tool, call))

    async def until_free(self, item: Item, tool: Tool) -> None:
        """Returns when another attempt may begin: not beside a thread that an earlier one was cut
        off in, where the tool is bounded. Batches see to that for all their calls. Raises
        `TimedOut`: a thread that hangs is waited for as long as an attempt may take."""
        if item.lingering and not tool.batch and (tool.concurrency or tool.resources):
            over = self._awaited[item] = asyncio.Event()
            try:
                await within(tool, over.wait())
            finally:
                del self._awaited[item]

    async def close(self) -> None:
        """End the threads that idle and every process."""
        for meeting in self._meetings.values():
            meeting.leave()
        self._meetings.clear()
        self._threads.close()
        await self._processes.close()

    async def _in_batch(self, item: Item, tool: Tool, kwargs: dict[str, Any]) -> Any:
        meeting = self._meetings.get(tool.name)
        if meeting is None:
            meeting = self._meetings[tool.name] = Meeting.joined(tool)
        try:
            return await meeting.call(kwargs)
        finally:
            # Threads that its tool abandoned still use what the tool needs, whoever they are for.
            if tool.resources and meeting.when_free(partial(self._free, item)):
                item.lingering += 1

    async def _in_thread(self, call: Callable[[], Any], item: Item) -> Any:
        def abandoned() -> None:
            item.lingering += 1

        return await self._threads.run(call, abandoned=abandoned, freed=partial(self._free, item))

    def _free(self, item: Item) -> None:
        item.lingering -= 1
        if not item.lingering and item in self._awaited:
            self._awaited[item].set()
        self._freed(item)


async def _awaited(tool: Tool, kwargs: dict[str, Any], context: CallContext) -> Json:
    return finished(tool, await tool.function(**kwargs), context)


def _blocking(tool: Tool, kwargs: dict[str, Any], context: CallContext) -> Json:
    return finished(tool, tool.function(**kwargs), context)
