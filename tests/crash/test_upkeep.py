"""`agentkit store gc` is killed at random moments, beside a process that writes runs."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path

from agentkit.events import Event
from agentkit.hygiene import collect
from agentkit.store import open_store
from agentkit.types import Json

ROOT = Path(__file__).parents[2]
UNNAMED = 800
KILLS = 5

WRITER = """
import asyncio, sys
from agentkit import open_store
from agentkit.events import Event

async def main():
    store = open_store(sys.argv[1], sync="process")
    for seq in range(1, 100_000):
        note = store.artifacts.put(b"note %d" % (seq % 50), media_type="text/plain")
        data = {"status": "value", "value": ["x" * 2000, seq, note.sha256]}
        store.journal.append(Event("live", seq, 0.0, "node.ended", f"n{seq}", data))
        await store.journal.flush()
        if seq == 1:
            print("begun", flush=True)

asyncio.run(main())
"""


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", *arguments],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def fill(folder: Path) -> set[str]:
    """A run with long values, and old artifacts: 50 that the writer will store again, and many
    that nobody names. Returns these."""
    store = open_store(folder, sync="process")
    for seq in range(1, 31):
        data: dict[str, Json] = {"status": "value", "value": "x" * 2000 + str(seq)}
        store.journal.append(Event("r", seq, 0.0, "node.ended", f"n{seq}", data))
    await store.journal.flush()
    for number in range(UNNAMED):
        store.artifacts.put(f"unnamed {number}".encode(), media_type="text/plain")
    for number in range(50):
        store.artifacts.put(f"note {number}".encode(), media_type="text/plain")
    named = await store.journal.references()
    await store.close()
    every = {
        path.parent.name + path.name: path for path in (folder / "artifacts").glob("[0-9a-f]*/*")
    }
    for path in every.values():
        os.utime(path, (0, 0))
    return every.keys() - named


async def readable(folder: Path) -> int:
    """How many events there are; each is whole, and so is every artifact that it names."""
    store = open_store(folder, sync="process")
    events = [*await store.journal.events("r"), *await store.journal.events("live")]
    for event in events:
        value = event.data["value"]
        if isinstance(value, list):
            store.artifacts.read(str(value[-1]))
    await store.close()
    return len(events)


def test_killed_at_any_moment_nothing_that_is_named_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    unnamed = asyncio.run(fill(folder))
    assert len(unnamed) == UNNAMED + 50
    chance = random.Random(1)
    with command("-c", WRITER, str(folder)) as writer:
        assert writer.stdout is not None
        try:
            assert writer.stdout.readline(), "the writer ended before it wrote"
            for _ in range(KILLS):
                sweep = ("-m", "agentkit", "store", "gc", "--grace", "1h", "--store", str(folder))
                with command(*sweep) as process:
                    try:
                        # The moment is what is random here; nothing is waited for.
                        process.wait(timeout=chance.uniform(0.3, 1.5))
                    except subprocess.TimeoutExpired:
                        process.kill()
            assert writer.poll() is None, "the writer died"
        finally:
            writer.kill()
    assert asyncio.run(readable(folder)) > 30

    async def finish() -> int:
        store = open_store(folder, sync="process")
        await collect(store, grace_s=3600)
        left = [name for name in unnamed if (folder / "artifacts" / name[:2] / name[2:]).exists()]
        named = await store.journal.references()
        await store.close()
        return len(set(left) - named)

    assert asyncio.run(finish()) <= 50  # what the writer stored again within the hour
