"""A run on one line, from its first and its last event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal.row import event_of, shown
from agentkit.protocols import ArtifactStore, RunSummary


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
        within=outer_of(created),
    )


def outer_of(created: Event) -> str:
    """The run that the one with this first event is a call of; empty where it is none."""
    within = created.data.get("within")
    return str(within["run"]) if isinstance(within, dict) else ""


def stored_summary(
    created: Sequence[Any],
    last: Sequence[Any] | None,
    events: int,
    standing: str | None,
    artifacts: ArtifactStore,
    where: object,
) -> RunSummary:
    """The same from rows; a `standing` in the queue counts for more than what the events say.

    One damaged run must not hide the others: all that is said of it is that it is so.
    """
    try:
        first = event_of(created, artifacts, where)
        if first.type == "run.created" and last is not None:
            said = summary(first, event_of(last, artifacts, where), events)
            return replace(said, status=standing or said.status)
    except StoreError:
        pass
    run, time = shown(created[0]), created[2] if isinstance(created[2], float) else 0.0
    return RunSummary(run=run, task="", status="damaged", created=time, updated=time, events=events)
