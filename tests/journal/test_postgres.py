"""What only the PostgreSQL journal can do wrong: servers, connections, users, formats."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal import DurableJournal
from agentkit.journal.tables import MIGRATIONS
from agentkit.store import open_store
from agentkit.testing.journal import ended, read, same, step, steps
from agentkit.testing.queue import LEASE_S, claimed, claims, created, queue, submit
from tests.postgres import execute
from tests.processes import finished

asyncpg: Any = pytest.importorskip("asyncpg")

pytestmark = pytest.mark.anyio

TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
BACKENDS = "pid <> pg_backend_pid() AND application_name = 'agentkit' AND datname = '{}'"

LONGEST_S = 60
"""What has not happened by then never will."""


def journal_in(url: str, folder: Path) -> DurableJournal:
    journal = open_store(url, artifacts=folder).journal
    assert isinstance(journal, DurableJournal)
    return journal


def threads() -> set[str]:
    return {each.name for each in threading.enumerate() if each.name.startswith("agentkit-")}


def backends(url: str) -> str:
    """What is true of the connections of journals in this database."""
    return BACKENDS.format(url.rpartition("/")[2])


def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """All that are made from now on, those of pools among them."""
    made: list[Any] = []
    connect = asyncpg.connect

    async def recorded(*arguments: Any, **options: Any) -> Any:
        made.append(await connect(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(asyncpg, "connect", recorded)
    monkeypatch.setattr(asyncpg.connection, "connect", recorded)
    return made


async def query(url: str, statement: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await asyncio.to_thread(execute, url, statement)]


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:9/runs: no connection .*check that the"):
        open_store("postgresql://ann:secret@127.0.0.1:9/runs", artifacts=tmp_path)
    assert threads() == set()


async def test_a_database_that_is_not_there(postgres: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no such database: create it"):
        open_store(postgres + "x", artifacts=tmp_path)


async def test_a_user_that_may_not(postgres: str, tmp_path: Path) -> None:
    await query(postgres, "DROP ROLE IF EXISTS agentkit_nobody")
    await query(postgres, "CREATE ROLE agentkit_nobody LOGIN PASSWORD 'geheim'")
    url = postgres.replace("postgres@", "agentkit_nobody:geheim@", 1)
    with pytest.raises(StoreError, match="grant CREATE on the database to this user") as caught:
        open_store(url, artifacts=tmp_path)
    assert "geheim" not in str(caught.value)
    await journal_in(postgres, tmp_path).close()
    await query(postgres, "GRANT USAGE ON SCHEMA agentkit TO agentkit_nobody")
    await query(postgres, "GRANT ALL ON ALL TABLES IN SCHEMA agentkit TO agentkit_nobody")
    journal = journal_in(url, tmp_path)  # made already: nothing but its rows is asked for
    journal.append(step("r1", 1))
    await journal.close()
    await query(postgres, "DROP OWNED BY agentkit_nobody")
    await query(postgres, "DROP ROLE agentkit_nobody")


async def test_a_journal_of_a_newer_format(postgres: str, tmp_path: Path) -> None:
    await journal_in(postgres, tmp_path).close()
    await query(postgres, "INSERT INTO agentkit.format VALUES (99)")
    with pytest.raises(StoreError, match=r"newer agentkit \(journal format 99.*upgrade agentkit"):
        journal_in(postgres, tmp_path)


async def test_processes_that_open_a_new_database_at_once(postgres: str, tmp_path: Path) -> None:
    opening = (asyncio.to_thread(journal_in, postgres, tmp_path) for _ in range(6))
    for journal in await asyncio.gather(*opening):
        await journal.close()
    versions = await query(postgres, "SELECT version FROM agentkit.format ORDER BY version")
    assert versions == [(number,) for number in range(1, len(MIGRATIONS) + 1)]


async def test_a_connection_lost_in_a_commit_stops_the_writer_and_no_reader(
    postgres: str, tmp_path: Path
) -> None:
    journal = journal_in(postgres, tmp_path)
    journal.append(step("r1", 1))
    await journal.flush()
    other = await asyncpg.connect(postgres)
    async with other.transaction():
        await other.execute("LOCK TABLE agentkit.event IN EXCLUSIVE MODE")
        journal.append(step("r1", 2))
        waits = f"{backends(postgres)} AND wait_event_type = 'Lock'"
        async with asyncio.timeout(LONGEST_S):
            while not await query(postgres, TERMINATE + waits):
                pass
        with pytest.raises(StoreError, match="then resume the run"):
            await journal.flush()
    await other.close()
    with pytest.raises(StoreError, match="then resume the run"):
        journal.append(step("r2", 1))
    assert await read(journal, "r1") == [step("r1", 1)]
    await journal.close()
    again = journal_in(postgres, tmp_path)
    again.append(step("r1", 2))
    await again.close()


async def test_a_connection_lost_while_idle_is_made_anew(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = connections(monkeypatch)
    journal = journal_in(postgres, tmp_path)
    for seq in (1, 2, 3):
        journal.append(step("r1", seq))
        await journal.flush()
        assert await read(journal, "r1") == steps("r1", seq)
        assert await query(postgres, TERMINATE + backends(postgres))
        # What is written before this side has noticed is lost, and stops the writer.
        async with asyncio.timeout(LONGEST_S):
            while not all(each.is_closed() for each in made):
                await query(postgres, TERMINATE + backends(postgres))
    await journal.close()


async def test_threads_and_connections_are_let_go(postgres: str, tmp_path: Path) -> None:
    journal = journal_in(postgres, tmp_path)
    journal.append(step("r1", 1))
    await journal.flush()
    await read(journal, "r1")
    assert threads() == {"agentkit-journal", "agentkit-postgres"}
    await journal.close()
    assert threads() == set()
    count = f"SELECT count(*) FROM pg_stat_activity WHERE {backends(postgres)}"
    # A server notices that a client has gone when it reads from it next.
    async with asyncio.timeout(LONGEST_S):
        while (await query(postgres, count)) != [(0,)]:
            pass


async def test_reads_beside_close_are_answered(postgres: str, tmp_path: Path) -> None:
    """Also those that were waiting for a connection, which was still being opened."""
    journal = journal_in(postgres, tmp_path)
    journal.append(step("r1", 1))
    await journal.close()
    journal = journal_in(postgres, tmp_path)
    async with asyncio.timeout(LONGEST_S):
        reads = [asyncio.create_task(read(journal, "r1")) for _ in range(20)]
        _, *found = await asyncio.gather(journal.close(), *reads)
    assert found == [[step("r1", 1)]] * 20
    assert threads() == set()


async def test_events_are_committed_in_groups_and_tell_nobody(
    postgres: str, tmp_path: Path
) -> None:
    journal = journal_in(postgres, tmp_path)
    heard: list[tuple[object, ...]] = []

    def hear(*notification: object) -> None:
        heard.append(notification)

    listener = await asyncpg.connect(postgres)
    await listener.add_listener("agentkit", hear)
    xids = "SELECT count(DISTINCT xmin::text) FROM agentkit.event"
    journal.append(created("queued"))
    await journal.flush()
    async with listener.transaction():  # what comes during one commit shares the next
        await listener.execute("LOCK TABLE agentkit.event IN EXCLUSIVE MODE")
        for event in steps("r1", 5000):
            journal.append(event)
    await journal.flush()
    ((groups,),) = await query(postgres, xids)
    assert isinstance(groups, int)
    assert groups <= 3
    for event in steps("r2", 500):
        journal.append(event)
    await journal.flush()
    await listener.execute("SELECT 1")  # what was sent before has arrived
    assert len(heard) == 1
    await listener.close()
    await journal.close()


async def test_loops_in_several_threads_share_a_journal(postgres: str, tmp_path: Path) -> None:
    journal = journal_in(postgres, tmp_path)

    async def work(run: str) -> list[Event]:
        for event in [*steps(run, 50), ended(run, 51)]:
            journal.append(event)
            if event.seq % 7 == 0:
                await journal.flush(run)
        return [event async for event in journal.tail(run)]

    runs = [f"r{number}" for number in range(6)]
    seen = await asyncio.gather(*(asyncio.to_thread(asyncio.run, work(run)) for run in runs))
    assert seen == [[*steps(run, 50), ended(run, 51)] for run in runs]
    await journal.close()


async def test_processes_write_beside_each_other(postgres: str, tmp_path: Path) -> None:
    """And the same cached values, in another order each: nobody waits for the other for ever."""
    journals = [journal_in(postgres, tmp_path) for _ in range(3)]

    async def write(number: int) -> None:
        journal = journals[number]
        for event in steps(f"r{number}", 300):
            journal.append(event)
            journal.put(f"k{event.seq * (number + 1) % 7}", event.seq)
            if event.seq % 3 == 0:
                await journal.flush()

    await asyncio.gather(*map(write, range(3)))
    for number, journal in enumerate(journals):
        same(await read(journal, f"r{number}"), steps(f"r{number}", 300))
        await journal.close()


SLOW_CLAIMS = """
CREATE FUNCTION agentkit.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock_shared(7);
    RETURN new;
END $$;
CREATE TRIGGER slow BEFORE UPDATE ON agentkit.run FOR EACH ROW
WHEN (old.status = 'ready' AND new.status = 'running') EXECUTE FUNCTION agentkit.slow()
"""


async def test_a_run_is_not_lost_whose_worker_leaves_while_it_claims(
    postgres: str, tmp_path: Path
) -> None:
    store = open_store(postgres, artifacts=tmp_path)
    await submit(store, "r1")
    await queue(store).join("w0", lease_s=LEASE_S)
    person = await asyncpg.connect(postgres)
    await person.execute(SLOW_CLAIMS)
    await person.execute("SELECT pg_advisory_lock(7)")
    claim = asyncio.create_task(claims(store, "w0", limit=1))
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with asyncio.timeout(LONGEST_S):
        while await person.fetchval(waits) == 0:
            pass
    await queue(store).leave("w0")
    await person.execute("SELECT pg_advisory_unlock(7)")
    assert await claim == ["r1"]
    await claimed(store, "w1", "r1")
    await person.close()
    await store.close()


def test_without_asyncpg_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['asyncpg'] = None\n"
        "from agentkit.store import open_store\n"
        "open_store('postgresql://127.0.0.1:9/runs')"
    )
    done = finished([sys.executable, "-c", code])
    assert "MissingExtra: a store in PostgreSQL needs asyncpg: pip install" in done.stderr
    assert "agentkit[postgres]" in done.stderr
