"""A queue for one at a time, across event loops."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncGenerator
from concurrent.futures import Future


class Turns:
    """First come, first served; who waits may live in any event loop, and may give up.

    asyncio's own lock belongs to one loop, but one model in this process serves several.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[Future[None]] = deque()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Inside, nobody else is."""
        await self._take()
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            mine: Future[None] = Future()
            self._waiting.append(mine)
        try:
            await asyncio.wrap_future(mine)
        except asyncio.CancelledError:
            # The turn may have been given in the moment of giving up: then it goes to the next.
            if not mine.cancel() and not mine.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        with self._guard:
            while self._waiting:
                # False where that one has given up meanwhile.
                following = self._waiting.popleft()
                if following.set_running_or_notify_cancel():
                    following.set_result(None)
                    return
            self._taken = False
