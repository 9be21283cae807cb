"""A run of a store as one HTML file."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from agentkit.cli.stored import open_here, require_store, run_named
from agentkit.errors import UsageError
from agentkit.events import Event
from agentkit.protocols import Journal

MOST_INNER = 200
"""Runs within the run that are read; the steps of others name theirs only."""


def write_report(store: str, run: str, file: str) -> None:
    """Writes the report of the run, named as for `events_of`, to a file or to standard output.

    Raises `UsageError`.
    """
    page = asyncio.run(_report(store, run))
    if file == "-":
        sys.stdout.write(page)
        return
    try:
        Path(file).write_text(page, "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}; give --html another") from error
    print(f"written to {file}", file=sys.stderr)


async def _report(store: str, run: str) -> str:
    from agentkit.report import report

    require_store(store)
    opened = open_here(store)
    try:
        events = await opened.journal.events(await run_named(opened.journal, run, store))
        inner = await _inner(opened.journal, events)
        made_by = f"made by agentkit {version('agentkit')}"
        return report(events, inner=inner, artifacts=opened.artifacts, made_by=made_by)
    finally:
        await opened.close()


async def _inner(journal: Journal, events: Sequence[Event]) -> dict[str, Sequence[Event]]:
    """The events of the runs that calls of this one are, and of those in them."""
    found: dict[str, Sequence[Event]] = {}
    todo = [*events]
    while todo and len(found) < MOST_INNER:
        event = todo.pop(0)
        inner = event.data.get("run") if event.type == "node.started" else None
        if isinstance(inner, str) and inner not in found:
            found[inner] = await journal.events(inner)
            todo += found[inner]
    return found
