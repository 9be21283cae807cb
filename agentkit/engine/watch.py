"""Those who wait until nodes have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


class Watches:
    """Futures, each with the ids of the nodes that it still waits for; None stands for all."""

    def __init__(self) -> None:
        self._open: list[tuple[set[str] | None, asyncio.Future[None]]] = []

    async def wait(self, names: set[str] | None) -> None:
        """Returns when these have ended; raises what `stop` was given."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open.append((names, future))
        await future

    def ended(self, names: Iterable[str]) -> None:
        """These have ended, or are no more."""
        if self._open:
            gone = set(names)
            for pending, _ in self._open:
                if pending is not None:
                    pending -= gone

    def wake(self, *, all_ended: bool, stuck: bool = False) -> None:
        """Let those go on that wait for nothing any more; all, where nothing else will happen."""
        if not self._open:
            return
        still: list[tuple[set[str] | None, asyncio.Future[None]]] = []
        for pending, future in self._open:
            if future.done():
                continue  # cancelled
            if stuck or (all_ended if pending is None else not pending):
                future.set_result(None)
            else:
                still.append((pending, future))
        self._open = still

    def stop(self, error: BaseException) -> None:
        """Nothing more will end: everybody who still waits gets the error."""
        for _, future in self._open:
            if not future.done():
                future.set_exception(error)
        self._open.clear()
