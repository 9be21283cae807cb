"""Journals of every format that was ever written stay readable.

`formats/N/` is a store as format N wrote it, `formats_postgres/N.sql` the same in a database (its
artifacts are those of `formats/1`); never change one. `python -m tests.journal.test_formats` writes
that of the present format in a folder, for when a new one is made; `pg_dump --inserts` tells the
rows of a database.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agentkit.damage import check
from agentkit.events import Event, EventType
from agentkit.store import Store, open_store
from agentkit.testing.queue import claimed, submit
from agentkit.types import Json
from tests.postgres import execute, execute_script

pytestmark = pytest.mark.anyio

FORMATS = Path(__file__).parent / "formats"
DATABASES = Path(__file__).parent / "formats_postgres"

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


STORES = [
    *(("sqlite", path.name) for path in sorted(FORMATS.iterdir())),
    *(("postgres", path.stem) for path in sorted(DATABASES.iterdir())),
]


@pytest.fixture(params=STORES, ids="-".join)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens a store as an earlier format wrote it."""
    kind, number = request.param
    if kind == "sqlite":
        folder = Path(shutil.copytree(FORMATS / number, tmp_path / "store"))
        return lambda: open_store(folder)
    url: str = request.getfixturevalue("postgres")
    execute_script(url, (DATABASES / f"{number}.sql").read_text("utf-8"))
    artifacts = shutil.copytree(FORMATS / "1" / "artifacts", tmp_path / "artifacts")
    return lambda: open_store(url, artifacts=artifacts)


async def test_an_old_journal_is_read_and_goes_on(old: Callable[[], Store]) -> None:
    store = old()
    (first, *_) = expected = events()
    assert list(await store.journal.events(first.run)) == expected
    assert await store.journal.get("short") == {"a": 1}
    assert await store.journal.get("long") == "y" * 3000
    (listed,) = await store.journal.runs()
    assert (listed.status, listed.events) == ("answered", len(expected))
    more = Event(first.run, len(expected) + 1, 2e9, "run.resumed")
    store.journal.append(more)
    await store.close()
    again = old()
    assert (await check(again)).damage == ()
    assert list(await again.journal.events(first.run)) == [*expected, more]
    await again.close()


async def test_an_old_store_takes_runs_for_workers(old: Callable[[], Store]) -> None:
    store = old()
    await submit(store, "new")
    await claimed(store, "w", "new")
    store.journal.append(Event("new", 2, 2e9, "run.resumed"))
    await store.journal.flush("new")
    await store.close()


async def test_an_earlier_agentkit_writes_no_row_without_a_checksum(
    postgres: str, tmp_path: Path
) -> None:
    """It may still be running when a later one has migrated the database, and stops then."""
    await asyncio.to_thread(execute_script, postgres, (DATABASES / "1.sql").read_text("utf-8"))
    await open_store(postgres, artifacts=tmp_path).close()
    row = "INSERT INTO agentkit.event SELECT 'r', 1, 0, 'run.resumed', NULL, 1, '{}'"
    with pytest.raises(Exception, match='null value in column "crc"'):
        await asyncio.to_thread(execute, postgres, row)


if __name__ == "__main__":
    from agentkit.journal.database import MIGRATIONS

    asyncio.run(write(FORMATS / str(len(MIGRATIONS))))
