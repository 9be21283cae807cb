"""A process that writes a journal is killed (SIGKILL) at random instants, twenty times, eight in
PostgreSQL.

What `flush` acknowledged is there, each run's events are a prefix of what was appended, and the
next process goes on where the last one was cut off.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from agentkit.events import Event
from agentkit.store import open_store

RUNS = ("a", "b", "c")

WRITER = """
import asyncio, random, sys
from agentkit.store import open_store
from tests.journal.test_crash import RUNS, event

async def main(where, artifacts, seed):
    chance = random.Random(seed)
    sync = chance.choice(["power", "process"])
    store = open_store(where, artifacts=artifacts, sync=sync)
    seqs = {run: len(await store.journal.events(run)) for run in RUNS}
    print(*seqs.values(), flush=True)
    while True:
        for _ in range(chance.randint(1, 30)):
            run = chance.choice(RUNS)
            seqs[run] += 1
            store.journal.append(event(run, seqs[run]))
        appended = dict(seqs)
        await store.journal.flush()
        print(*appended.values(), flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def event(run: str, seq: int) -> Event:
    """Every third one has a value of its own that is long enough to be a file."""
    value = f"{run}{seq} " * (400 if seq % 3 == 0 else 3)
    return Event(run, seq, float(seq), "node.ended", f"n_{seq}", {"value": value})


def acknowledged_before_kill(where: str, artifacts: Path, seed: int) -> dict[str, int]:
    """Runs the writer, kills it, and gives what it had acknowledged by then."""
    chance = random.Random(seed)
    command = [sys.executable, "-W", "error", "-c", WRITER, where, str(artifacts), str(seed)]
    lines = chance.randint(1, 25)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(lines)]
        assert said[-1], "the writer ended by itself"
        # The instant is what is random here; nothing is waited for.
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(timeout=chance.uniform(0, 0.02))
        writer.kill()
        said += writer.stdout.readlines()
    whole = [line.split() for line in said if line.endswith("\n")]
    return dict(zip(RUNS, map(int, whole[-1]), strict=True))


def stored(where: str, artifacts: Path) -> dict[str, list[Event]]:
    async def read() -> dict[str, list[Event]]:
        store = open_store(where, artifacts=artifacts)
        found = {run: list(await store.journal.events(run)) for run in RUNS}
        await store.close()
        return found

    return asyncio.run(read())


def kill_and_compare(where: str, artifacts: Path, kills: int) -> None:
    for seed in range(kills):
        acknowledged = acknowledged_before_kill(where, artifacts, seed)
        for run, events in stored(where, artifacts).items():
            assert len(events) >= acknowledged[run]
            assert events == [event(run, seq) for seq in range(1, len(events) + 1)]
        assert sum(acknowledged.values()) > 0


def test_twenty_kills_lose_nothing_acknowledged(tmp_path: Path) -> None:
    kill_and_compare(str(tmp_path), tmp_path / "artifacts", 20)


def test_eight_kills_lose_nothing_in_postgres(postgres: str, tmp_path: Path) -> None:
    kill_and_compare(postgres, tmp_path, 8)
