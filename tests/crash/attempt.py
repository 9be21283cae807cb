"""Work in a forked child that can be killed: no new interpreter, and a real SIGKILL."""

from __future__ import annotations

import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agentkit.errors import StoreError

REFUSED = 3
"""Exit code of a child whose store failed."""

HUNG_S = 60.0
"""A child that takes longer than this will never end."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: `killed` by a signal, or with an exit code and its last words."""

    killed: bool
    code: int
    said: str

    @property
    def refused(self) -> bool:
        """Whether the store failed, and said so."""
        return not self.killed and self.code == REFUSED


def attempt(work: Callable[[], object], *, log: Path, kill_after_s: float | None = None) -> Ended:
    """Does the work in a child, killed after so many seconds if it has not ended by itself.

    Raises `TimeoutError` for a child that hangs. The caller must have no threads.
    """
    child = os.fork()
    if child == 0:
        _work(work, log)
    handle = os.pidfd_open(child)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        ended = poll.poll(1000 * (HUNG_S if kill_after_s is None else kill_after_s))
        if not ended:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    finally:
        os.close(handle)
    if not ended and kill_after_s is None:
        raise TimeoutError(f"a child hung for {HUNG_S:g} s: {log.read_text()}")
    killed = os.WIFSIGNALED(status)
    return Ended(killed, -1 if killed else os.waitstatus_to_exitcode(status), log.read_text())


def _work(work: Callable[[], object], log: Path) -> None:
    """In the child, which never returns."""
    code = 1
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(out, 2)
        work()
        code = 0
    except StoreError as error:
        os.write(2, f"{error}\n".encode())
        code = REFUSED
    except BaseException:  # noqa: BLE001 - a child's last words
        os.write(2, traceback.format_exc().encode())
    finally:
        sys.stdout.flush()
        os._exit(code)
