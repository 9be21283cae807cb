"""What journaling costs: the caller's time for an append, and what a disk commits in groups.

    python benchmarks/journal.py [--check]

AGENTKIT_TEST_PG names the PostgreSQL database to measure as well, if there is one.

Goals are ratios within one run, so that a slow machine does not fail them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from table import Row, exit_code, show

from agentkit.events import Event
from agentkit.journal import MemoryJournal
from agentkit.protocols import Journal
from agentkit.store import open_store
from agentkit.types import Json, Sync

EVENTS = 20_000
ALONE = 100


def events(run: str, count: int, *, words: int = 1) -> list[Event]:
    return [event(run, seq, f"result {seq:06} " * words) for seq in range(1, count + 1)]


def event(run: str, seq: int, value: str) -> Event:
    data: dict[str, Json] = {"status": "value", "value": value}
    return Event(run, seq, 1e9, "node.ended", f"call_{seq}", data)


def append_us(journal: Journal, batch: list[Event]) -> float:
    """CPU microseconds of the calling thread for one append."""
    begun = time.thread_time()
    for event in batch:
        journal.append(event)
    return (time.thread_time() - begun) / len(batch) * 1e6


async def seconds(journal: Journal, batch: list[Event], *, each: bool) -> float:
    """Until all are durable, with a flush after each or one at the end."""
    begun = time.perf_counter()
    for event in batch:
        journal.append(event)
        if each:
            await journal.flush()
    await journal.flush()
    return time.perf_counter() - begun


async def sqlite(sync: Sync) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder, sync=sync)
        caller = append_us(store.journal, events("append", EVENTS))
        await store.journal.flush()
        grouped = EVENTS / await seconds(store.journal, events("grouped", EVENTS), each=False)
        alone = ALONE / await seconds(store.journal, events("alone", ALONE), each=True)
        long = events("long", ALONE, words=300)
        spilled = ALONE / await seconds(store.journal, long, each=False)
        await store.close()
        size = (Path(folder) / "journal.sqlite").stat().st_size / (2 * EVENTS)
    dict_bytes = len('{"status":"value","value":"result 000000 "}')
    return [
        Row(f"sqlite {sync}: an append, caller's CPU", f"{caller:.2f} us"),
        Row(f"sqlite {sync}: flushed one by one", f"{alone:,.0f} /s"),
        Row(f"sqlite {sync}: committed in groups, >= 3 x one by one", f"{grouped:,.0f} /s",
            grouped >= 3 * alone),
        Row(f"sqlite {sync}: values of 4 kB", f"{spilled:,.0f} /s"),
        Row(f"sqlite {sync}: bytes of an event beyond its data, <= 100",
            f"{size - dict_bytes:.0f}", size - dict_bytes <= 100),
    ]  # fmt: skip


async def postgres(url: str) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(url, artifacts=folder)
        run = f"{time.time()}"
        caller = append_us(store.journal, events(f"append {run}", EVENTS))
        await store.journal.flush()
        grouped = EVENTS / await seconds(store.journal, events(run, EVENTS), each=False)
        alone = ALONE / await seconds(store.journal, events(f"alone {run}", ALONE), each=True)
        await store.close()
    return [
        Row("postgres: an append, caller's CPU", f"{caller:.2f} us"),
        Row("postgres: flushed one by one", f"{alone:,.0f} /s"),
        Row("postgres: committed in groups, >= 3 x one by one", f"{grouped:,.0f} /s",
            grouped >= 3 * alone),
    ]  # fmt: skip


async def main() -> int:
    baseline = append_us(MemoryJournal(), events("r1", EVENTS))
    rows = [Row("memory: an append, caller's CPU", f"{baseline:.2f} us")]
    for sync in ("power", "process"):
        rows += await sqlite(sync)
    if url := os.environ.get("AGENTKIT_TEST_PG"):
        rows += await postgres(url)
    show("Journal", rows)
    return exit_code(rows, check="--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
