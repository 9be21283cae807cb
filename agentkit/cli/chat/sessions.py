"""The conversations of a store, found by their runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentkit.protocols import Journal

MOST_RUNS = 200
"""So many of the newest runs are looked through."""


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation: its newest run, when that was created (seconds since the epoch), what it
    was asked and how it ended."""

    name: str
    run: str
    created: float
    task: str
    status: str


async def sessions(journal: Journal, *, limit: int = 20) -> Sequence[Session]:
    """The conversations whose runs are among the newest, those first that were used last."""
    found: dict[str, Session] = {}
    for run in await journal.runs(limit=MOST_RUNS):
        if run.within or run.status == "damaged":
            continue
        created = (await journal.events(run.run))[0]
        name = created.data.get("session")
        if isinstance(name, str) and name not in found:
            found[name] = Session(name, run.run, run.created, run.task, run.status)
            if len(found) == limit:
                break
    return [*found.values()]
