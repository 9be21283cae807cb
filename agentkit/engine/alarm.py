"""One timer: it rings when a rate allows the next call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Rings at the time it was last set to, by the loop's clock; None is never."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at: float | None) -> None:
        """Another time instead of the one before."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at is not None:
            self._timer = asyncio.get_running_loop().call_at(at, self._ring)
