"""What the journal of a killed run says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agentkit.events import Event
from agentkit.store import open_store


def journal(folder: Path) -> Sequence[Event]:
    """The events of the one run in the folder; none if it was killed before the first commit."""

    async def read() -> Sequence[Event]:
        store = open_store(folder / ".agentkit")
        runs = await store.journal.runs()
        events = await store.journal.events(runs[0].run if runs else "")
        await store.close()
        return events

    return asyncio.run(read())


def ended(events: Sequence[Event]) -> Counter[str]:
    """How often each node ended."""
    return Counter(event.node or "" for event in events if event.type == "node.ended")
