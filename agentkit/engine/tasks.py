"""The tasks of one scheduler: none is lost, and none outlives it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

STOPS: Final = (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit)
"""What ends more than the call that it comes from. Whatever else a tool raises is its failure, also
what is no `Exception`: `SystemExit`, or the panic of an extension written in Rust."""


class Tasks:
    """Tasks that have not ended."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Task[Any], Callable[[asyncio.Task[Any]], object]] = {}

    def spawn(
        self,
        coroutine: Coroutine[Any, Any, T],
        ended: Callable[[asyncio.Task[T]], object] | None = None,
    ) -> asyncio.Task[T]:
        """Start a task. `ended` hears of its end, and then has to `forget` it."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._open[task] = heard = self.forget if ended is None else ended
        task.add_done_callback(heard)
        return task

    def forget(self, task: asyncio.Task[Any]) -> None:
        """A task has ended, or is about to: `ended` need not hear of it any more."""
        if (heard := self._open.pop(task, None)) is not None:
            task.remove_done_callback(heard)

    async def close(self) -> None:
        """Cancel the open ones and wait for their ends, however often that is itself cancelled."""
        interrupted: asyncio.CancelledError | None = None
        for task in self._open:
            task.cancel()
        while self._open:
            try:
                await asyncio.wait(self._open)
            except asyncio.CancelledError as error:
                interrupted = error
        if interrupted is not None:
            raise interrupted
