"""When nothing can go on by itself: calls wait for somebody's decision, or for a larger budget."""

from __future__ import annotations

from collections.abc import Sequence

from agentkit.engine.asked import Asked
from agentkit.engine.dataflow import Dataflow
from agentkit.engine.item import Item
from agentkit.engine.purse import Purse
from agentkit.engine.queue import Queue
from agentkit.errors import RunPaused


class Standstill:
    """Knows what a run waits for that no call of its own will bring; `paused` says why nothing may
    start any more."""

    def __init__(self, queue: Queue, flow: Dataflow, asked: Asked, purse: Purse | None) -> None:
        self._queue, self._flow, self._asked, self._purse = queue, flow, asked, purse
        self.paused: RunPaused | None = None

    def reached(self, running: int) -> bool:
        """Whether nothing can go on, with so many calls running."""
        if running or (self._purse is not None and self._purse.flying):
            return False
        if self.paused is not None or self._flow.ready:
            return self.paused is not None
        return bool(self._asked) if self._queue.empty else self._queue.short() is not None

    async def overcome(self) -> Sequence[Item]:
        """The calls that may go on, because somebody has decided. Raises `RunPaused`."""
        if self.paused is not None:
            raise self.paused
        short = None if self._asked else self._queue.short()
        if short is None or self._purse is None:
            return await self._asked.decided()
        item, dimension, most = short
        raise self._purse.reached(dimension, f"the call of {item.id}", most)
