"""What a disk may do to a journal: it is refused with its place, and `check` names all of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from agentkit.damage import check
from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal import MemoryJournal
from agentkit.store import Store, open_store
from agentkit.testing.journal import event_of, step, steps
from agentkit.types import Json

pytestmark = pytest.mark.anyio


async def filled(folder: Path) -> Store:
    """Runs `a` and `b`, a long value, an artifact that an event names, and two cached values."""
    store = open_store(folder, sync="process")
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


def alter(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "journal.sqlite", isolation_level=None)) as file:
        file.execute(statement)


async def refused(store: Store, run: str) -> str:
    with pytest.raises(StoreError) as caught:
        await store.journal.events(run)
    assert caught.value.run_id == run
    return str(caught.value)


async def test_a_whole_store_has_nothing_damaged(tmp_path: Path) -> None:
    store = await filled(tmp_path)
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
        "crc = NULL",
        "data = x'ff'",
    ],
)
async def test_a_row_that_changed_is_refused_and_named(change: str, tmp_path: Path) -> None:
    store = await filled(tmp_path)
    alter(tmp_path, f"UPDATE event SET {change} WHERE run = 'a' AND seq = 3")
    assert "event 3 of run a in " in await refused(store, "a")
    assert len(await store.journal.events("a", after=3)) == 4
    assert len(await store.journal.events("b")) == 5
    (damage,) = (await check(store)).damage
    assert f"event 3 of run a in {tmp_path}/journal.sqlite is damaged" in damage
    await store.close()


async def test_an_event_that_is_gone_is_missed(tmp_path: Path) -> None:
    store = await filled(tmp_path)
    alter(tmp_path, "DELETE FROM event WHERE run = 'a' AND seq = 3")
    assert "event 3 of run a in " in await refused(store, "a")
    (damage,) = (await check(store)).damage
    assert "run a in " in damage and "event 3 is gone" in damage
    await store.close()


async def test_a_run_whose_last_event_has_another_name_does_not_end_before(tmp_path: Path) -> None:
    """Its resume would do again what that event says was done."""
    store = await filled(tmp_path)
    alter(tmp_path, "UPDATE event SET run = 'aa' WHERE run = 'a' AND seq = 7")
    assert "event 7 of run a in " in await refused(store, "a")
    assert len(await store.journal.events("b")) == 5
    await store.close()


async def test_the_first_event_of_the_next_run_is_none_of_this_one(tmp_path: Path) -> None:
    store = await filled(tmp_path)
    alter(tmp_path, "UPDATE event SET time = 0.5 WHERE run = 'b' AND seq = 1")
    assert len(await store.journal.events("a")) == 7
    assert "event 1 of run b in " in await refused(store, "b")
    await store.close()


@pytest.mark.parametrize("seq", [1, 5])
async def test_a_damaged_run_does_not_hide_the_others(seq: int, tmp_path: Path) -> None:
    store = await filled(tmp_path)
    alter(tmp_path, f"UPDATE event SET data = '{{}}' WHERE run = 'b' AND seq = {seq}")
    listed = {each.run: each for each in await store.journal.runs()}
    assert (listed["a"].status, listed["a"].task) == ("running", "task of a")
    assert (listed["b"].status, listed["b"].task, listed["b"].events) == ("damaged", "", 5)
    await store.close()


async def test_a_damaged_cached_value_is_as_good_as_none(tmp_path: Path) -> None:
    store = await filled(tmp_path)
    alter(tmp_path, """UPDATE cache SET data = '{"value":2}' WHERE key = 'short'""")
    assert await store.journal.get("short") is None
    (damage,) = (await check(store)).damage
    assert "cached value short" in damage
    store.journal.put("short", 3)
    await store.journal.flush()
    assert await store.journal.get("short") == 3
    assert (await check(store)).damage == ()
    await store.close()


async def test_artifacts_that_are_gone_or_altered_are_named(tmp_path: Path) -> None:
    store = await filled(tmp_path)
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


async def test_a_long_value_that_is_gone_is_named_with_its_event(tmp_path: Path) -> None:
    store = await filled(tmp_path)
    name = sha256(f'"{"long " * 1000}"'.encode()).hexdigest()
    store.artifacts.path(name).unlink()
    assert "event 6 of run a" in await refused(store, "a")
    (damage,) = (await check(store)).damage
    assert "event 6 of run a" in damage
    await store.close()


async def test_a_file_that_sqlite_cannot_read_is_damage(tmp_path: Path) -> None:
    await (await filled(tmp_path)).close()
    with (tmp_path / "journal.sqlite").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    store = open_store(tmp_path)
    damage = (await check(store)).damage
    assert any("journal.sqlite" in said for said in damage)
    await store.close()


async def test_a_damaged_schema_is_refused(tmp_path: Path) -> None:
    """SQLite quotes the schema in its error, which is no text any more."""
    await (await filled(tmp_path)).close()
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
