"""A run on one line, from its first and its last event."""

from __future__ import annotations

from agentkit.events import Event
from agentkit.protocols import RunSummary


def summary(created: Event, last: Event, events: int) -> RunSummary:
    """The run is running unless its last event is `run.ended`, or what was decided after it."""
    status = last.data.get("status", "ended") if last.type == "run.ended" else "running"
    status = "paused" if last.type == "node.decided" else status
    return RunSummary(
        run=created.run,
        task=str(created.data.get("task", "")),
        status=str(status),
        created=created.time,
        events=events,
        updated=last.time,
    )


def damaged(run: str, created: object, events: int) -> RunSummary:
    """What can be said of a run whose first or last event is not as it was written."""
    time = created if isinstance(created, float) else 0.0
    return RunSummary(run=run, task="", status="damaged", created=time, updated=time, events=events)
