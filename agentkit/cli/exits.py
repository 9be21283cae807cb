"""How a command ends: exit codes, and errors as one sentence with the next thing to type."""

from __future__ import annotations

import sys
import traceback
from typing import Final, Literal, TypeAlias

from agentkit.cli.text import inert
from agentkit.errors import AgentkitError, LimitReached, RunCancelled, RunError, UsageError

Output: TypeAlias = Literal["answer", "json", "events"]
"""What a command that runs a task puts on standard output."""

ANSWERED: Final = 0
FAILED: Final = 1
USAGE: Final = 2
LIMIT: Final = 3
DENIED: Final = 4
CANCELLED: Final = 130


def code_of(error: AgentkitError) -> int:
    """The exit code that an error ends a command with."""
    match error:
        case UsageError():
            return USAGE
        case LimitReached():
            return LIMIT
        case RunCancelled():
            return CANCELLED
        case _:
            return FAILED


def code_of_status(status: str, kind: str = "") -> int:
    """The exit code for a journaled run: its last event's status, and its error's class name."""
    if status == "answered":
        return ANSWERED
    if status in ("cancelled", "paused"):
        return CANCELLED
    return LIMIT if kind == LimitReached.__name__ else FAILED


def explain(error: AgentkitError, *, debug: bool) -> None:
    """Prints the error on stderr, inert; with `debug`, its traceback before it."""
    if debug:
        lines = traceback.format_exception(error)
        print(inert("".join(lines)), file=sys.stderr)
    print(f"error: {inert(str(error))}", file=sys.stderr)
    if isinstance(error, RunError) and error.run_id:
        print(
            f"what the run did is kept: agentkit show {error.run_id}; "
            f"to go on with it: agentkit resume {error.run_id}",
            file=sys.stderr,
        )
