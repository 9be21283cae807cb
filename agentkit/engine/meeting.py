"""Where the calls of a tool with `batch=` meet, whatever nodes, maps and runs they are of.

The tool itself holds the place, for each event loop, while runs there use it. So what shares the
tool shares its batches, and nothing else has to know of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from agentkit.engine.batch import Batcher
from agentkit.engine.door import WrongType, results_of
from agentkit.engine.retry import worth_retrying
from agentkit.engine.threads import Threads
from agentkit.engine.timelimit import TimedOut, within
from agentkit.tool import Tool


class Meeting:
    """The batcher of one tool on one event loop, and the threads that its batches run in."""

    def __init__(self, tool: Tool) -> None:
        assert tool.batch is not None, f"calls of {tool.name} are made one by one"
        self._tool, self._loop = tool, asyncio.get_running_loop()
        self._parameter = ""
        self._threads = Threads()
        self._batcher = Batcher(
            self._make,
            most=tool.batch,
            at_once=tool.concurrency or 1,
            per_s=tool.rate_per_s,
            key=tool.batch_key,
            apart=partial(_one_to_blame, tool),
        )
        self._guests = 0
        self._lingering = 0
        self._hear_free: list[Callable[[], None]] = []

    @classmethod
    def joined(cls, tool: Tool) -> Meeting:
        """The one that the tool's calls on this event loop meet in; leave it after the last."""
        loop = asyncio.get_running_loop()
        found = cast("Meeting | None", tool.meetings.get(loop))
        if found is None:
            found = tool.meetings[loop] = cls(tool)
        found._guests += 1
        return found

    def leave(self) -> None:
        """Whoever joined makes no more calls."""
        self._guests -= 1
        self._end()

    async def call(self, kwargs: dict[str, Any]) -> Any:
        """What belongs to this call of what the tool returned for all that it was made with.

        The time limit is of the batch's call: waiting for one's turn does not count.
        """
        ((self._parameter, item),) = kwargs.items()
        return await self._batcher.call(item)

    def when_free(self, hear: Callable[[], None]) -> bool:
        """Whether abandoned threads of the tool are still at work; `hear` is called after that."""
        if self._lingering:
            self._hear_free.append(hear)
        return self._lingering > 0

    async def _make(self, items: list[Any]) -> Sequence[Any]:
        kwargs = {self._parameter: items}
        if self._tool.runs == "loop":
            call = self._tool.function(**kwargs)
        else:
            function = partial(self._tool.function, **kwargs)
            call = self._threads.run(function, abandoned=self._abandoned, freed=self._freed)
        returned = await within(self._tool, call)
        return results_of(self._tool, returned, len(items))

    def _abandoned(self) -> None:
        """A thread works on for nobody, and nothing may start beside it in its place."""
        self._lingering += 1
        self._batcher.hold()

    def _freed(self) -> None:
        self._lingering -= 1
        self._batcher.let_go()
        if not self._lingering:
            heard, self._hear_free = self._hear_free, []
            for hear in heard:
                hear()
        self._end()

    def _end(self) -> None:
        if not self._guests:
            self._threads.close()
        if not self._guests and not self._lingering:
            self._tool.meetings.pop(self._loop, None)
            self._batcher.close()


def _one_to_blame(tool: Tool, error: BaseException) -> bool:
    """Whether fewer items may come to something where this batch has not; without harm, too."""
    if tool.effect not in ("pure", "read") or worth_retrying(tool, error):
        return False
    return isinstance(error, Exception) and not isinstance(error, TimedOut | WrongType)
