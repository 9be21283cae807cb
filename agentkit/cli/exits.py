"""How a command ends: exit codes, and errors as one sentence."""

from __future__ import annotations

import sys
import traceback
from typing import Final, Literal, TypeAlias

from agentkit.errors import AgentkitError, LimitReached, RunCancelled, RunPaused, UsageError
from agentkit.text import cut, inert

Output: TypeAlias = Literal["answer", "json", "events"]
"""What a command that runs a task puts on standard output."""

MOST_CHARACTERS = 4000
"""Of an error's sentence; its traceback has all of it."""

ANSWERED: Final = 0
FAILED: Final = 1
USAGE: Final = 2
LIMIT: Final = 3
PAUSED: Final = 5
CANCELLED: Final = 130


def code_of(error: AgentkitError) -> int:
    """The exit code that an error ends a command with."""
    match error:
        case UsageError():
            return USAGE
        case LimitReached():
            return LIMIT
        case RunPaused():
            return PAUSED
        case RunCancelled():
            return CANCELLED
        case _:
            return FAILED


def explain(error: AgentkitError, *, debug: bool, hint: str = "") -> None:
    """Prints the error on stderr, inert, then the hint; with `debug`, its traceback before it."""
    if debug:
        lines = traceback.format_exception(error)
        print(inert("".join(lines)), file=sys.stderr)
    print(f"error: {inert(cut(str(error), MOST_CHARACTERS))}", file=sys.stderr)
    if hint:
        print(inert(hint), file=sys.stderr)
