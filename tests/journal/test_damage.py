"""What a disk may do to a journal: it is refused with its place, and `check` names all of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from agentkit.damage import check
from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal import MemoryJournal
from agentkit.journal.server import shown
from agentkit.store import Store, open_store
from agentkit.testing.journal import event_of, step, steps
from agentkit.types import Json
from tests.postgres import execute

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Place:
    """A store in either kind of database, whose rows can be altered behind its back."""

    name: str
    open: Callable[[], Store]
    alter: Callable[[str], object]


def in_file(folder: Path) -> Place:
    path = folder / "journal.sqlite"

    def alter(statement: str) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            file.execute(statement)

    return Place(str(path), lambda: open_store(folder, sync="process"), alter)


def in_database(url: str, folder: Path) -> Place:
    def open_it() -> Store:
        return open_store(url, artifacts=folder, sync="process")

    return Place(shown(url), open_it, lambda what: executed(f"{url}?search_path=agentkit", what))


def executed(url: str, statement: str) -> None:
    """`execute` in a thread: it has a loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(execute, url, statement).result()


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return in_file(tmp_path)
    return in_database(request.getfixturevalue("postgres"), tmp_path)


async def filled(place: Place) -> Store:
    """Runs `a` and `b`, a long value, an artifact that an event names, and two cached values."""
    store = place.open()
    note = store.artifacts.put(b"buy milk", media_type="text/plain")
    handle: Json = {"sha256": note.sha256, "media_type": "text/plain", "size_bytes": 8}
    for run in ("a", "b"):
        store.journal.append(event_of(run, 1, "run.created", task=f"task of {run}"))
        for event in steps(run, 5)[1:]:
            store.journal.append(event)
    store.journal.append(event_of("a", 6, "node.ended", value="long " * 1000))
    store.journal.append(event_of("a", 7, "node.ended", value=[{"file": handle}]))
    store.journal.put("short", 1)
    store.journal.put("long", "y" * 3000)
    await store.journal.flush()
    return store


async def refused(store: Store, run: str) -> str:
    with pytest.raises(StoreError) as caught:
        await store.journal.events(run)
    assert caught.value.run_id == run
    return str(caught.value)


async def test_a_whole_store_has_nothing_damaged(place: Place) -> None:
    store = await filled(place)
    found = await check(store)
    assert (found.events, found.artifacts, found.damage) == (12, 3, ())
    await store.close()


@pytest.mark.parametrize(
    "change",
    [
        """data = '{"status":"value","value":4}'""",
        "time = time + 1",
        "type = 'run.ended'",
        "node = NULL",
        "version = 2",
        "crc = 0",
    ],
)
async def test_a_row_that_changed_is_refused_and_named(change: str, place: Place) -> None:
    store = await filled(place)
    place.alter(f"UPDATE event SET {change} WHERE run = 'a' AND seq = 3")
    assert "event 3 of run a in " in await refused(store, "a")
    assert len(await store.journal.events("a", after=3)) == 4
    assert len(await store.journal.events("b")) == 5
    (damage,) = (await check(store)).damage
    assert f"event 3 of run a in {place.name} is damaged" in damage
    await store.close()


async def test_an_event_that_is_gone_is_missed(place: Place) -> None:
    store = await filled(place)
    place.alter("DELETE FROM event WHERE run = 'a' AND seq = 3")
    assert "event 3 of run a in " in await refused(store, "a")
    (damage,) = (await check(store)).damage
    assert "run a in " in damage and "event 3 is gone" in damage
    await store.close()


async def test_a_run_whose_last_event_has_another_name_does_not_end_before(place: Place) -> None:
    """Its resume would do again what that event says was done."""
    store = await filled(place)
    place.alter("UPDATE event SET run = 'aa' WHERE run = 'a' AND seq = 7")
    assert "event 7 of run a in " in await refused(store, "a")
    assert len(await store.journal.events("b")) == 5
    await store.close()


async def test_the_first_event_of_the_next_run_is_none_of_this_one(place: Place) -> None:
    store = await filled(place)
    place.alter("UPDATE event SET time = 0.5 WHERE run = 'b' AND seq = 1")
    assert len(await store.journal.events("a")) == 7
    assert "event 1 of run b in " in await refused(store, "b")
    await store.close()


@pytest.mark.parametrize("seq", [1, 5])
async def test_a_damaged_run_does_not_hide_the_others(seq: int, place: Place) -> None:
    store = await filled(place)
    place.alter(f"UPDATE event SET data = '{{}}' WHERE run = 'b' AND seq = {seq}")
    listed = {each.run: each for each in await store.journal.runs()}
    assert (listed["a"].status, listed["a"].task) == ("running", "task of a")
    assert (listed["b"].status, listed["b"].task, listed["b"].events) == ("damaged", "", 5)
    await store.close()


async def test_a_damaged_cached_value_is_as_good_as_none(place: Place) -> None:
    store = await filled(place)
    place.alter("""UPDATE cache SET data = '{"value":2}' WHERE key = 'short'""")
    assert await store.journal.get("short") is None
    (damage,) = (await check(store)).damage
    assert "cached value short" in damage
    store.journal.put("short", 3)
    await store.journal.flush()
    assert await store.journal.get("short") == 3
    assert (await check(store)).damage == ()
    await store.close()


async def test_artifacts_that_are_gone_or_altered_are_named(place: Place) -> None:
    store = await filled(place)
    named = store.artifacts.put(b"buy milk", media_type="text/plain").sha256
    store.artifacts.path(named).unlink()
    lone = store.artifacts.path(store.artifacts.put(b"bread", media_type="text/plain").sha256)
    lone.chmod(0o600)
    lone.write_bytes(b"bread!")
    damage = sorted((await check(store)).damage)
    assert len(damage) == 2
    assert any(str(lone) in said for said in damage)
    assert any(named in said and "event 7 of run a" in said for said in damage)
    await store.close()


async def test_a_long_value_that_is_gone_is_named_with_its_event(place: Place) -> None:
    store = await filled(place)
    name = sha256(f'"{"long " * 1000}"'.encode()).hexdigest()
    store.artifacts.path(name).unlink()
    assert "event 6 of run a" in await refused(store, "a")
    (damage,) = (await check(store)).damage
    assert "event 6 of run a" in damage
    await store.close()


@pytest.mark.parametrize("change", ["crc = NULL", "data = x'ff'", "seq = 'x'"])
async def test_a_row_of_other_types_is_refused(change: str, tmp_path: Path) -> None:
    place = in_file(tmp_path)
    store = await filled(place)
    place.alter(f"UPDATE event SET {change} WHERE run = 'a' AND seq = 3")
    assert "event 3 of run a in " in await refused(store, "a")
    assert any("run a in " in each for each in (await check(store)).damage)
    await store.close()


@pytest.mark.parametrize("column", ["data", "node", "type"])
async def test_a_row_that_is_no_text_is_refused(column: str, postgres: str, tmp_path: Path) -> None:
    """As where a bit has flipped: PostgreSQL gives it back as it is."""
    place = in_database(postgres, tmp_path)
    store = await filled(place)
    place.alter("CREATE CAST (bytea AS text) WITHOUT FUNCTION")
    place.alter(rf"UPDATE event SET {column} = ('\xff'::bytea)::text WHERE run = 'a' AND seq = 3")
    assert "event 3 of run a in " in await refused(store, "a")
    (damage,) = (await check(store)).damage
    assert f"event 3 of run a in {place.name} is damaged" in damage
    assert len(await store.journal.events("b")) == 5
    await store.close()


async def test_a_file_that_sqlite_cannot_read_is_damage(tmp_path: Path) -> None:
    await (await filled(in_file(tmp_path))).close()
    with (tmp_path / "journal.sqlite").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    store = open_store(tmp_path)
    damage = (await check(store)).damage
    assert any("journal.sqlite" in said for said in damage)
    await store.close()


async def test_a_damaged_schema_is_refused(tmp_path: Path) -> None:
    """SQLite quotes the schema in its error, which is no text any more."""
    await (await filled(in_file(tmp_path))).close()
    path = tmp_path / "journal.sqlite"
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE event", b"CREATE TABLE \xa0vent"))
    with pytest.raises(StoreError, match=r"journal\.sqlite: it is damaged"):
        open_store(tmp_path)


async def test_any_journal_can_be_checked() -> None:
    store = open_store("memory")
    assert isinstance(store.journal, MemoryJournal)
    lost: Json = {"sha256": "0" * 64, "media_type": "text/plain", "size_bytes": 8}
    store.journal.append(Event("r", 1, 0.0, "run.created", data={"task": "t", "inputs": lost}))
    store.journal.append(step("r", 2))
    found = await check(store)
    assert (found.events, found.artifacts) == (2, 1)
    (damage,) = found.damage
    assert "event 1 of run r" in damage
    await store.close()
