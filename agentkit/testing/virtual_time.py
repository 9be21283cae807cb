"""An event loop whose time jumps: where nothing can run, it is at once the time of the next timer.

    >>> import asyncio
    >>> async def nap() -> float:
    ...     await asyncio.sleep(3600)
    ...     return asyncio.get_running_loop().time()
    >>> with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
    ...     runner.run(nap())
    3600.0

Time does not wait for threads, processes or sockets: use it with async code that only sleeps.
"""

from __future__ import annotations

import asyncio
import selectors


class _Jumping(selectors.SelectSelector):
    """Adds the time that it was to wait to `now`, and does not wait."""

    def __init__(self, alone: bool) -> None:
        super().__init__()
        self.now = 0.0
        self._alone = alone

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None and self._alone:
            raise RuntimeError("everything waits, and nothing will ever happen: a deadlock")
        found = super().select(timeout if timeout is None else 0)
        if not found and timeout is not None:
            self.now += timeout
        return found


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Starts at 0.0; `time()` is in seconds of its own.

    Say `alone` where no thread and no process will ever wake it: then a deadlock is a
    `RuntimeError`, and not a wait for ever.
    """

    def __init__(self, *, alone: bool = False) -> None:
        self._jumping = _Jumping(alone)
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now
