"""Why a journal takes no more events: one sentence for whoever appends, flushes or follows."""

from __future__ import annotations

from dataclasses import dataclass

from agentkit.errors import RunTaken, StoreError
from agentkit.events import Event

CLOSED = "the journal is closed: open the store again to go on"


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, kept so that everyone who asks later gets an error of their own; `run` is
    the one that it is about, None where nothing can be written any more."""

    message: str
    cause: BaseException | None = None
    run: str | None = None
    kind: type[StoreError] = StoreError

    def error(self, run: str | None) -> StoreError:
        error = self.kind(self.message)
        error.run_id = self.run or run
        error.__cause__ = self.cause
        return error


def taken(run: str, seq: int) -> Failure:
    """A run already has an event of this number."""
    return Failure(
        f"run {run} is carried on by somebody else, in this process or in another: it has an event "
        f"{seq} already, so this one stops; let the other finish, or end it and resume the run",
        run=run,
        kind=RunTaken,
    )


def unfit(event: Event, error: Exception) -> Failure:
    """An event cannot be written as JSON."""
    return Failure(
        f"event {event.seq} ({event.type}) of run {event.run} is not plain JSON ({error}): a tool "
        "must return numbers, strings, lists, dicts, or None",
        error,
        event.run,
    )
