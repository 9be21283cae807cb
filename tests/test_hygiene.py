"""Retention and garbage collection: what an event names stays, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit import Agent, Artifact, open_store, tool
from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.hygiene import DAY_S, collect, prune
from agentkit.media import Media
from agentkit.planners import Fixed
from agentkit.protocols import Claim
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from agentkit.types import Json

TextBytes = Annotated[bytes, Media("text/plain")]

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000.0


def clock() -> float:
    return NOW


def add(store: Store, run: str, age_s: float, *ends: str) -> None:
    """A run of so many seconds ago, with one event for each status that it ended with."""
    at = NOW - age_s
    store.journal.append(Event(run, 1, at, "run.created", data={"task": run}))
    for seq, status in enumerate(ends, start=2):
        store.journal.append(Event(run, seq, at, "run.ended", data={"status": status}))


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store", sync="process")


async def test_only_old_runs_that_ended_are_forgotten(store: Store) -> None:
    for age, name in ((1, "new"), (40, "old")):
        for status in ("answered", "failed", "cancelled", "paused"):
            add(store, f"{name} {status}", age * DAY_S, status)
    add(store, "old killed", 40 * DAY_S)
    add(store, "old decided", 40 * DAY_S, "paused")
    decided = Event("old decided", 3, NOW - 40 * DAY_S, "node.decided", "n", {"key": "k"})
    store.journal.append(decided)
    shown = await prune(store, older_than_s=30 * DAY_S, dry_run=True, clock=clock)
    assert len(await store.journal.runs()) == 10
    gone = await prune(store, older_than_s=30 * DAY_S, clock=clock)
    assert {run.run for run in gone} == {"old answered", "old failed", "old cancelled"}
    assert gone == shown
    left = {run.run for run in await store.journal.runs()}
    assert {"old paused", "old killed", "old decided"} < left
    assert len(left) == 7
    await store.close()


async def test_the_newest_runs_are_kept_however_old(store: Store) -> None:
    for number in range(5):
        add(store, f"r{number}", (50 - number) * DAY_S, "answered")
    gone = await prune(store, older_than_s=30 * DAY_S, keep=2, clock=clock)
    assert sorted(run.run for run in gone) == ["r0", "r1", "r2"]
    await store.close()


async def test_a_run_that_was_resumed_meanwhile_is_not_forgotten(store: Store) -> None:
    add(store, "r", 40 * DAY_S, "cancelled")
    (found,) = await store.journal.runs()
    store.journal.append(Event("r", 3, NOW, "run.resumed"))
    assert not await store.journal.forget("r", events=found.events)
    assert len(await store.journal.events("r")) == 3
    await store.close()


async def test_a_run_that_a_worker_is_to_carry_on_is_not_forgotten(store: Store) -> None:
    """Its worker stopped, which cancelled it, and no other one has claimed it since."""
    created: dict[str, Json] = {"task": "t", "submitted": True}
    for run, status in (("left", "cancelled"), ("done", "answered")):
        store.journal.append(Event(run, 1, 0.0, "run.created", data=created))
        await store.journal.flush()  # workers claim what is stored
        store.journal.append(Event(run, 2, 0.0, "run.ended", data={"status": status}))
    await store.journal.flush()
    assert [run.run for run in await prune(store, older_than_s=DAY_S)] == ["done"]
    assert store.queue is not None
    await store.queue.join("w", lease_s=60)
    assert await store.queue.claim("w", limit=9) == [Claim("left")]
    await store.close()


def aged(store: Store, sha256: str, age_s: float) -> None:
    path = store.artifacts.path(sha256)
    at = time.time() - age_s
    os.utime(path, (at, at))


def there(store: Store, names: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        with suppress(StoreError):
            store.artifacts.path(name)
            found.add(name)
    return found


SHAPES = st.sampled_from(["handle", "nested", "text", "spilled", "input", "cached", "none"])


@settings(max_examples=40)
@given(st.lists(st.tuples(SHAPES, st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_what_is_named_stays_and_the_rest_goes_after_its_grace(
    made: list[tuple[str, bool, bool]],
) -> None:
    """Each artifact is named in some way, by a run that is kept or not, and is old or new."""

    async def check(folder: str) -> None:
        store = open_store(folder, sync="process")
        kept: set[str] = set()
        for number, (shape, forgotten, new) in enumerate(made):
            note = store.artifacts.put(f"note {number}".encode(), media_type="text/plain")
            name(store, f"r{number}", shape, note)
            aged(store, note.sha256, 0 if new else 2 * DAY_S)
            await store.journal.flush()
            if forgotten:
                await store.journal.forget(f"r{number}", events=1)
            if new or shape == "cached" or (shape != "none" and not forgotten):
                kept.add(note.sha256)
        await collect(store)
        names = [note_of(store, number) for number in range(len(made))]
        assert there(store, names) == kept
        for number, (shape, forgotten, _) in enumerate(made):
            events = await store.journal.events(f"r{number}")
            assert len(events) == (not forgotten and shape not in ("none", "cached"))
        await store.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(folder))


def note_of(store: Store, number: int) -> str:
    from hashlib import sha256

    return sha256(f"note {number}".encode()).hexdigest()


def name(store: Store, run: str, shape: str, note: Artifact) -> None:
    """An event of the run, or a cached value, that names the artifact in a way of this shape."""
    handle: Json = {**asdict(note)}
    values: dict[str, Json] = {
        "handle": handle,
        "nested": [[{"deep": [handle]}]],
        "text": f"it is in {note.sha256[:64]}, they say",
        "spilled": ["x" * 3000, handle],
    }
    if shape in values:
        data: dict[str, Json] = {"status": "value", "value": values[shape]}
        store.journal.append(Event(run, 1, 0.0, "node.ended", "n", data))
    elif shape == "input":
        known: Json = {"note": {"schema": {}, "value": handle}}
        store.journal.append(Event(run, 1, 0.0, "run.created", data={"inputs": known}))
    elif shape == "cached":
        store.journal.put(run, {"long": "y" * 3000, "note": handle})


async def test_spilled_values_of_a_forgotten_run_go(store: Store) -> None:
    data: dict[str, Json] = {"task": "t" * 5000}
    store.journal.append(Event("r", 1, 0.0, "run.created", data=data))
    store.journal.append(Event("r", 2, 0.0, "run.ended", data={"status": "answered"}))
    assert (await collect(store, grace_s=-1)).artifacts == 0
    await prune(store, older_than_s=0)
    assert (await collect(store, grace_s=-1, dry_run=True)).artifacts == 1
    assert (await collect(store, grace_s=-1)).artifacts == 1
    assert (await collect(store, grace_s=-1)).artifacts == 0
    await store.close()


async def test_bytes_that_are_stored_again_are_new_again(store: Store) -> None:
    note = store.artifacts.put(b"old", media_type="text/plain")
    aged(store, note.sha256, 9 * DAY_S)
    file = store.folder / "again.txt"
    file.write_bytes(b"other")
    other = store.artifacts.put_file(file)
    aged(store, other.sha256, 9 * DAY_S)
    store.artifacts.put(b"old", media_type="text/plain")
    store.artifacts.put_file(file)
    assert (await collect(store)).artifacts == 0
    await store.close()


async def test_what_a_crash_left_half_written_goes_too(store: Store) -> None:
    note = store.artifacts.put(b"whole", media_type="text/plain")
    left = store.artifacts.path(note.sha256).parent / ".abc.tmp"
    left.write_bytes(b"hal")
    os.utime(left, (0, 0))
    await collect(store)
    assert not left.exists()
    assert there(store, [note.sha256])
    await store.close()


async def test_a_value_that_is_gone_stops_the_collection(store: Store) -> None:
    """Nobody knows what it names: nothing is removed."""
    data: dict[str, Json] = {"status": "value", "value": "x" * 3000}
    store.journal.append(Event("r", 1, 0.0, "node.ended", "n", data))
    note = store.artifacts.put(b"unnamed", media_type="text/plain")
    aged(store, note.sha256, 9 * DAY_S)
    await store.journal.flush()
    (long,) = (name for name in await store.journal.references() if name != note.sha256)
    store.artifacts.path(long).unlink()
    with pytest.raises(StoreError, match=f"no artifact {long}"):
        await collect(store)
    assert there(store, [note.sha256])
    await store.close()


async def test_runs_go_on_while_artifacts_are_collected(store: Store) -> None:
    """Every artifact of runs that write while sweeps go on around them is there at the end."""

    @tool(effect="read", cache=False)
    def note(n: int, *, again: bool) -> TextBytes:
        """A note; some are the same bytes as older ones."""
        return f"note {n if again else time.perf_counter()}".encode()

    plan = "notes = [note(n=n, again=n % 2 == 0) for n in [1, 2, 3, 4, 5, 6]]\nanswer('ok')"
    old = [store.artifacts.put(f"note {n}".encode(), media_type="text/plain") for n in (2, 4)]
    for each in old:
        aged(store, each.sha256, 9 * DAY_S)
    agent = Agent(model=ScriptedModel(), planner=Fixed(plan), tools=[note], store=store)
    over = asyncio.Event()

    async def sweeps() -> None:
        count = 0
        while count < 2 or not over.is_set():
            await collect(store, grace_s=60)
            count += 1

    async with asyncio.TaskGroup() as group:
        group.create_task(sweeps())
        for number in range(10):
            await agent.run(f"Write notes, {number}.")
        over.set()
    named = await store.journal.references()
    for run in await store.journal.runs():
        for event in await store.journal.events(run.run):
            if event.node == "notes" and event.type == "node.ended":
                for handle in event.data["value"]:  # type: ignore[union-attr]
                    assert handle["sha256"] in named  # type: ignore[index]
                    store.artifacts.read(handle["sha256"])  # type: ignore[index, arg-type]
    await store.close()
