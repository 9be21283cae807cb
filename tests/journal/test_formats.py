"""Journals of every format that was ever written stay readable.

`formats/N/` is a store as format N wrote it; never change one. `python -m
tests.journal.test_formats` writes that of the present format, for when a new one is made.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from agentkit.events import Event, EventType
from agentkit.store import open_store
from agentkit.testing.queue import claimed, submit
from agentkit.types import Json

pytestmark = pytest.mark.anyio

FORMATS = Path(__file__).parent / "formats"

STORED: tuple[tuple[EventType, str | None, dict[str, Json]], ...] = (
    ("run.created", None, {"task": "Žádost: double it, " + "at length " * 150, "inputs": {}}),
    ("plan.patched", None, {"turn": 0, "patch": {"add": []}, "source": "x = double(n=2)\n"}),
    ("node.started", "x", {"tool": "double", "args": {"n": 2}}),
    ("effect.intent", "x", {"key": "k"}),
    ("effect.receipt", "x", {"key": "k"}),
    ("node.ended", "x", {"status": "value", "value": "4 " * 800, "seconds": 0.25, "attempts": 1}),
    ("run.ended", None, {"status": "cancelled", "answer": None, "cites": []}),
    ("run.resumed", None, {}),
    ("run.ended", None, {"status": "answered", "answer": "4 \ud83d", "cites": ["x"]}),
)


def events() -> list[Event]:
    return [
        Event("20260101-000000-abcdef", seq, 1e9 + seq / 4, type_, node, data, 1)
        for seq, (type_, node, data) in enumerate(STORED, start=1)
    ]


async def write(folder: Path) -> None:
    store = open_store(folder)
    for event in events():
        store.journal.append(event)
    store.journal.put("short", {"a": 1})
    store.journal.put("long", "y" * 3000)
    await store.close()


@pytest.mark.parametrize("number", sorted(path.name for path in FORMATS.iterdir()))
async def test_an_old_journal_is_read_and_goes_on(number: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FORMATS / number, tmp_path / "store"))
    store = open_store(folder)
    (first, *_) = expected = events()
    assert list(await store.journal.events(first.run)) == expected
    assert await store.journal.get("short") == {"a": 1}
    assert await store.journal.get("long") == "y" * 3000
    (listed,) = await store.journal.runs()
    assert (listed.status, listed.events) == ("answered", len(expected))
    more = Event(first.run, len(expected) + 1, 2e9, "run.resumed")
    store.journal.append(more)
    await store.close()
    again = open_store(folder)
    assert list(await again.journal.events(first.run)) == [*expected, more]
    await again.close()


@pytest.mark.parametrize("number", sorted(path.name for path in FORMATS.iterdir()))
async def test_an_old_store_takes_runs_for_workers(number: str, tmp_path: Path) -> None:
    store = open_store(shutil.copytree(FORMATS / number, tmp_path / "store"))
    await submit(store, "new")
    await claimed(store, "w", "new")
    store.journal.append(Event("new", 2, 2e9, "run.resumed"))
    await store.journal.flush("new")
    await store.close()


if __name__ == "__main__":
    from agentkit.journal.database import MIGRATIONS

    asyncio.run(write(FORMATS / str(len(MIGRATIONS))))
