"""What only the SQLite journal can do wrong: files, locks, disks, threads."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from agentkit.artifacts import FolderArtifacts
from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal import DurableJournal, sqlite_journal
from agentkit.testing.journal import ended, read, step, steps
from tests.processes import finished

pytestmark = pytest.mark.anyio


def journal_in(folder: Path, *, lock_timeout_s: float = 10.0) -> DurableJournal:
    artifacts = FolderArtifacts(folder / "artifacts", sync="process")
    path = folder / "journal.sqlite"
    return sqlite_journal(path, artifacts, sync="process", lock_timeout_s=lock_timeout_s)


def writer_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "agentkit-journal"]


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def overwrite_after_first_page(path: Path) -> None:
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_text("dear diary, " * 100)
    with pytest.raises(StoreError, match=r"journal\.sqlite: it is not a database: move the file"):
        journal_in(tmp_path)


async def test_a_database_of_something_else(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match="database of something else"):
        journal_in(tmp_path)


async def test_a_journal_of_a_newer_format(tmp_path: Path) -> None:
    await journal_in(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"newer agentkit \(journal format 99.*upgrade agentkit"):
        journal_in(tmp_path)


async def test_a_journal_that_is_damaged(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    for event in steps("r1", 2000):
        journal.append(event)
    await journal.close()
    overwrite_after_first_page(tmp_path / "journal.sqlite")
    damaged = journal_in(tmp_path)
    with pytest.raises(StoreError, match=r"it is damaged: restore it from a backup"):
        await damaged.events("r1")
    damaged.append(step("r1", 2001))
    with pytest.raises(StoreError, match="it is damaged"):
        await damaged.flush()
    await damaged.close()


async def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(StoreError, match="cannot open the store .*choose a store folder"):
        journal_in(tmp_path / "store")


async def test_a_lock_delays_flush_but_not_append(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    with closing(sqlite3.connect((tmp_path / "journal.sqlite"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for event in steps("r1", 100):
            journal.append(event)
        flushing = asyncio.create_task(journal.flush())
        await asyncio.sleep(0)
        assert not flushing.done()
        other.execute("ROLLBACK")
        await flushing
    assert await read(journal, "r1") == steps("r1", 100)
    await journal.close()


async def test_a_lock_that_stays_is_an_error(tmp_path: Path) -> None:
    journal = journal_in(tmp_path, lock_timeout_s=0.05)
    with closing(sqlite3.connect((tmp_path / "journal.sqlite"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        journal.append(step("r1", 1))
        with pytest.raises(StoreError, match=r"another process has locked it for 0\.05 s: stop"):
            await journal.flush()
        with pytest.raises(StoreError, match="locked"):
            journal.append(step("r2", 1))
        assert await read(journal, "r1") == []
    await journal.close()


async def test_a_failure_reaches_every_tail(tmp_path: Path) -> None:
    journal = journal_in(tmp_path, lock_timeout_s=0.05)
    tail = journal.tail("r1")
    first = asyncio.create_task(anext(tail))
    with closing(sqlite3.connect((tmp_path / "journal.sqlite"), isolation_level=None)) as other:
        await asyncio.sleep(0)
        other.execute("BEGIN IMMEDIATE")
        journal.append(step("other", 1))
        with pytest.raises(StoreError, match="locked"):
            await first
    with pytest.raises(StoreError, match="locked"):
        await anext(journal.tail("r2"))
    await journal.close()


async def test_closing_tells_of_a_loss_nobody_was_told_of(tmp_path: Path) -> None:
    journal = journal_in(tmp_path, lock_timeout_s=0.05)
    with closing(sqlite3.connect((tmp_path / "journal.sqlite"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        journal.append(step("r1", 1))
        with pytest.raises(StoreError, match="locked"):
            await journal.close()
    assert writer_threads() == []


async def test_data_that_is_not_json_stops_its_run_only(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    journal.append(step("good", 1))
    journal.append(step("bad", 1))
    journal.append(Event("bad", 2, 0.0, "node.ended", data={"value": object()}))  # type: ignore[dict-item]
    journal.append(step("bad", 3))
    journal.append(step("good", 2))
    with pytest.raises(StoreError, match=r"event 2 \(node.ended\) of run bad is not plain JSON"):
        await journal.flush()
    await journal.flush("good")
    assert await read(journal, "good") == steps("good", 2)
    assert await read(journal, "bad") == steps("bad", 1)
    await journal.close()


async def test_long_values_are_files_and_rows_stay_short(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    long = {"status": "value", "value": "long " * 100_000}
    for seq in range(1, 51):
        journal.append(Event("r1", seq, 0.0, "node.ended", f"n_{seq}", {**long, "number": seq}))
    await journal.flush()
    assert [event.data["number"] for event in await journal.events("r1")] == list(range(1, 51))
    await journal.close()
    assert (tmp_path / "journal.sqlite").stat().st_size < 50 * 400 + 20_000
    (file,) = [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]
    file.unlink()
    with pytest.raises(StoreError, match="no artifact .* run the task again"):
        await journal.events("r1")


async def test_short_events_are_small_on_disk(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    for event in steps("r1", 5000):
        journal.append(event)
    await journal.close()
    assert (tmp_path / "journal.sqlite").stat().st_size / 5000 < 100


async def test_no_artifact_room_stops_the_journal(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("in the way")
    journal = journal_in(tmp_path)
    journal.append(step("r1", 1))
    await journal.flush()
    journal.append(Event("r1", 2, 0.0, "node.ended", data={"value": "x" * 5000}))
    with pytest.raises(StoreError, match="cannot store an artifact"):
        await journal.flush()
    assert await read(journal, "r1") == steps("r1", 1)
    await journal.close()


async def test_threads_and_files_are_let_go(tmp_path: Path) -> None:
    idle = journal_in(tmp_path)
    assert await read(idle, "r1") == []
    assert writer_threads() == []
    await idle.close()
    journal = journal_in(tmp_path)
    journal.append(step("r1", 1))
    assert writer_threads() == ["agentkit-journal"]
    await journal.close()
    assert writer_threads() == []
    assert names(tmp_path) == ["journal.sqlite"]


async def test_a_cancelled_flush_harms_nothing(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    with closing(sqlite3.connect((tmp_path / "journal.sqlite"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        journal.append(step("r1", 1))
        flushing = asyncio.create_task(journal.flush())
        await asyncio.sleep(0)
        flushing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flushing
        other.execute("ROLLBACK")
    await journal.flush()
    assert await read(journal, "r1") == [step("r1", 1)]
    await journal.close()


async def test_loops_in_several_threads_share_a_journal(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)

    async def work(run: str) -> list[Event]:
        seen: list[Event] = []
        for event in [*steps(run, 50), ended(run, 51)]:
            journal.append(event)
            if event.seq % 7 == 0:
                await journal.flush(run)
        async for event in journal.tail(run):
            seen.append(event)
        return seen

    runs = [f"r{number}" for number in range(6)]
    seen = await asyncio.gather(*(asyncio.to_thread(asyncio.run, work(run)) for run in runs))
    assert seen == [[*steps(run, 50), ended(run, 51)] for run in runs]
    await journal.close()


OUT_OF_ROOM = """
import asyncio, resource, signal, sys
from pathlib import Path
from agentkit.errors import StoreError
from agentkit.store import open_store
from agentkit.testing.journal import step

async def main():
    store = open_store(sys.argv[1])
    seq = 0
    try:
        while True:
            seq += 1
            store.journal.append(step("r1", seq))
            await store.journal.flush()
            print(seq, flush=True)
    except StoreError as error:
        await store.close()
        sys.exit(str(error))

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
asyncio.run(main())
"""


async def test_a_full_disk_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """A real limit on file size, in a process of its own: the kernel refuses the write."""
    done = await asyncio.to_thread(
        finished, [sys.executable, "-W", "error", "-c", OUT_OF_ROOM, str(tmp_path)]
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "the disk failed or is full: check the disk and its free room" in line
    acknowledged = int(done.stdout.split()[-1])
    assert acknowledged > 10
    journal = journal_in(tmp_path)
    assert await read(journal, "r1") == steps("r1", acknowledged)
    await journal.close()
