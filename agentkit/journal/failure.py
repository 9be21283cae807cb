"""Why a journal takes no more events: one sentence for whoever appends, flushes or follows."""

from __future__ import annotations

from dataclasses import dataclass

from agentkit.errors import StoreError
from agentkit.events import Event

CLOSED = "the journal is closed: open the store again to go on"


def taken(run: str, seq: int) -> str:
    """What to say when a run already has an event of this number."""
    return (
        f"run {run} already has an event {seq}: another process is writing this run, so this one "
        "stops; let that one finish, or end it and resume the run"
    )


def unfit(event: Event, error: Exception) -> str:
    """What to say when an event cannot be written as JSON."""
    return (
        f"event {event.seq} ({event.type}) of run {event.run} is not plain JSON ({error}): a tool "
        "must return numbers, strings, lists, dicts, or None"
    )


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, kept so that everyone who asks later gets an error of their own."""

    message: str
    cause: BaseException | None = None

    def error(self, run: str | None) -> StoreError:
        error = StoreError(self.message)
        error.run_id = run
        error.__cause__ = self.cause
        return error
