"""Who may write a run that workers carry on, and what its events make of its place in the queue.

A row of table `run` is `ready` (any worker may claim it), `running`, `waiting` (for somebody's
decision) or `ended`. Only events move it, in the transaction that stores them, and claims do. A run
that was not submitted has no row.

>>> from agentkit.events import Event
>>> moves([Event("r1", 9, 0.0, "run.ended", data={"status": "paused"})])
{'r1': 'waiting'}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agentkit.events import Event
from agentkit.journal.failure import Failure

Move: TypeAlias = Literal["submitted", "running", "ready", "decided", "waiting", "ended"]
"""What becomes of a row: `submitted` makes one, `decided` is `ready` where it waited or had
ended."""

OF_THE_QUEUE = frozenset(("submitted", "wake_at"))
"""What `run.created` says of a run that workers carry on: that it is one, and, in seconds since the
epoch, when it may begin, where that is later than at once."""

CLAIMABLE: frozenset[Move] = frozenset(("submitted", "ready", "decided"))

ENDS: frozenset[Move | None] = frozenset(("ready", "waiting", "ended"))
"""With these a claim is over."""

_ENDED: Mapping[object, Move] = {"paused": "waiting", "cancelled": "ready"}
"""A run of the queue is cancelled by its worker only, when that one stops: the next goes on."""


def standing(now: str) -> str:
    """SQL for where a row stands, beside that of its owner's lease: `scheduled` before its time,
    `ready` where any worker may go on, `running` where one does. NULL where its events say it.
    """
    return (
        f"CASE WHEN status = 'ready' AND wake_at > {now} THEN 'scheduled'"
        f" WHEN status = 'ready' OR lease_until <= {now} THEN 'ready'"
        f" WHEN lease_until > {now} THEN 'running' END"
    )


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim: the epoch tells this one from an earlier one of the same run."""

    worker: str
    epoch: int


def moves(events: Iterable[Event]) -> dict[str, Move]:
    """Where these events move the rows of their runs."""
    found: dict[str, Move] = {}
    for event in events:
        run = event.run
        match event.type:
            case "run.created" if event.data.get("submitted"):
                found[run] = "submitted"
            case "run.resumed":
                found[run] = "running"
            case "run.ended":
                found[run] = _ENDED.get(event.data.get("status"), "ended")
            case "node.decided":
                before = found.get(run)
                found[run] = "ready" if before in ("waiting", "ended") else before or "decided"
            case _:
                pass
    return found


def wakes(events: Iterable[Event]) -> dict[str, float]:
    """When the runs that these events submit may begin, of those that say so."""
    found: dict[str, float] = {}
    for event in events:
        at = event.data.get("wake_at") if event.type == "run.created" else None
        if isinstance(at, int | float):
            found[event.run] = float(at)
    return found


def outermost(run: str) -> str:
    """The run that a claim is about: whoever holds it writes also the runs that its calls are.

    >>> outermost("r1/9f86d081884c/2c26b46b68ff")
    'r1'
    """
    return run.partition("/")[0]


def lost(run: str) -> Failure:
    """What is wrong where a worker holds the run."""
    return Failure(
        f"run {run} is a worker's, and its lease is not this process's: nothing was written; let "
        "that worker finish it, or stop the worker and resume the run",
        run=run,
    )
