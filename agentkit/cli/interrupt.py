"""Ctrl-C: once stops cleanly, twice stops now."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

from agentkit.cli.exits import CANCELLED

T = TypeVar("T")

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_STDERR = 2
_SHOW_CURSOR = b"\x1b[?25h"


def interruptible(work: Coroutine[Any, Any, T], *, runner: asyncio.Runner | None = None) -> T:
    """Runs the coroutine to its end. Ctrl-C (or SIGTERM) cancels it: `asyncio.CancelledError`.

    A second Ctrl-C ends the process at once: the journal is safe whenever the process dies.
    With a `runner` its loop is used, and goes on to be; then Ctrl-C is as it was before.
    """

    async def supervised() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        pressed = False

        def press() -> None:
            nonlocal pressed
            if pressed:
                _exit_now()
            pressed = True
            task.cancel()  # first: there may be nobody who reads the next line
            print("stopping; press Ctrl-C again to stop now", file=sys.stderr)

        # Windows' loop takes no handlers; there asyncio.run's own Ctrl-C cancels the task.
        with contextlib.suppress(NotImplementedError):
            for number in _STOPPING:
                loop.add_signal_handler(number, press)
        return await work

    if runner is None:
        return asyncio.run(supervised())
    try:
        return runner.run(supervised())
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in _STOPPING:
                runner.get_loop().remove_signal_handler(number)


def _exit_now() -> NoReturn:
    """Nothing is cleaned up but the cursor, which live rows hide."""
    if os.isatty(_STDERR):
        os.write(_STDERR, _SHOW_CURSOR)  # past the live display, which stands in for sys.stderr
    os._exit(CANCELLED)
