"""Ctrl-C: once stops cleanly, twice stops now."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from agentkit.cli.exits import CANCELLED

T = TypeVar("T")


def interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Runs the coroutine to its end. Ctrl-C (or SIGTERM) cancels it: `asyncio.CancelledError`.

    A second Ctrl-C ends the process at once: the journal is safe whenever the process dies.
    """

    async def supervised() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        pressed = False

        def press() -> None:
            nonlocal pressed
            if pressed:
                os._exit(CANCELLED)
            pressed = True
            print("stopping; press Ctrl-C again to stop now", file=sys.stderr)
            task.cancel()

        # Windows' loop takes no handlers; there asyncio.run's own Ctrl-C cancels the task.
        with contextlib.suppress(NotImplementedError):
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, press)
        return await work

    return asyncio.run(supervised())
