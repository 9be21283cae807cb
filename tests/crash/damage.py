"""A store that is cut, filled with zeros, or has bits flipped: `python -m tests.crash.damage`.

What is read afterwards is a prefix of what was acknowledged, or a refusal that names the place.
Prints a JSON report.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from agentkit.damage import check
from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.store import Store, open_store
from agentkit.types import Json
from tests.crash.attempt import attempt
from tests.crash.disk import quick

RUNS = ("a", "b", "c", "d")
FILES = ("journal.sqlite", "journal.sqlite-wal")
TAIL_BYTES = 64 * 1024
CACHED: Mapping[str, Json] = {"short": {"a": 1}, "middle": "y" * 700, "long": "z" * 3000}

Kind = Literal["cut", "zeros", "flips"]
Whole = Literal["killed", "closed"]
"""How the store's writer ended: its last events are in the log still, or all are in the file."""
STORES: tuple[Whole, ...] = ("killed", "closed")
TAILS: tuple[tuple[Whole, str], ...] = (
    ("closed", FILES[0]),
    ("killed", FILES[0]),
    ("killed", FILES[1]),
)


@dataclass(frozen=True, slots=True)
class Harm:
    """What is done to which file: a cut or zeros from a place on, or bits that flip at places."""

    kind: Kind
    store: Whole
    file: str
    places: tuple[int, ...]

    def do(self, folder: Path) -> None:
        path = folder / self.file
        if self.kind == "cut":
            os.truncate(path, self.places[0])
            return
        path.chmod(0o600)
        with path.open("r+b") as file:
            data = bytearray(file.read())
            if self.kind == "zeros":
                data[self.places[0] :] = bytes(len(data) - self.places[0])
            else:
                for place in self.places:
                    data[place // 8] ^= 1 << place % 8
            file.seek(0)
            file.write(data)


@dataclass(slots=True)
class Report:
    """How many harms were done of each kind, and what came of them: the store was read whole, a
    prefix was, or it was refused."""

    done: dict[str, int] = field(default_factory=dict[str, int])
    whole: int = 0
    prefix: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    broken: list[str] = field(default_factory=list[str])
    seconds: float = 0.0


@dataclass(slots=True)
class Read:
    """What came of reading a damaged store."""

    refusals: list[str] = field(default_factory=list[str])
    short: bool = False
    broken: list[str] = field(default_factory=list[str])


def event(run: str, seq: int) -> Event:
    """Most are about a kilobyte, some are tiny, and some have a value that is a file."""
    chance = random.Random(f"{run} {seq}")
    size = chance.choice([5, 60, 600, 700, 800, 900, 3000 if seq % 10 == 0 else 300])
    if seq == 1:
        created: dict[str, Json] = {"task": f"task of {run}", "inputs": {}}
        return Event(run, seq, 1e9 + ord(run), "run.created", data=created)
    text = "".join(chance.choice("abcdefgh ") for _ in range(size))
    return Event(run, seq, 1e9 + seq / 7, "node.ended", f"n_{seq}", {"value": text})


def events(run: str, count: int) -> list[Event]:
    """The first events of a run."""
    return [event(run, seq) for seq in range(1, count + 1)]


BEFORE, AFTER = 45, 75
"""Events of each run in the file, and with those that are still in the log."""


def make(folder: Path) -> None:
    """Two stores of the same events, more than 64 KiB in each file."""
    killed, closed = folder / "killed", folder / "closed"
    asyncio.run(_write(killed, 1, BEFORE))
    end = attempt(lambda: asyncio.run(_write_and_die(killed)), log=folder / "made.log")
    assert end.code == 0, end.said
    (killed / "journal.sqlite-shm").unlink()
    asyncio.run(_write(closed, 1, AFTER))
    assert [path.name for path in closed.iterdir() if path.is_file()] == ["journal.sqlite"]
    for path in (closed / FILES[0], *(killed / name for name in FILES)):
        assert path.stat().st_size > TAIL_BYTES, path


async def _write(folder: Path, first: int, last: int) -> None:
    store = open_store(folder, sync="process")
    for name, value in CACHED.items():
        store.journal.put(name, value)
    for seq in range(first, last + 1):
        for run in RUNS:
            store.journal.append(event(run, seq))
    await store.close()


async def _write_and_die(folder: Path) -> None:
    store = open_store(folder, sync="process")
    for seq in range(BEFORE + 1, AFTER + 1):
        for run in RUNS:
            store.journal.append(event(run, seq))
        await store.journal.flush()
    os._exit(0)


async def judge(
    folder: Path, acknowledged: Mapping[str, Sequence[Event]], *, thoroughly: bool
) -> Read:
    """Reads a store in every way, and compares with what was acknowledged; `thoroughly` looks
    whether `check` finds what was refused."""
    read = Read()
    try:
        store = open_store(folder, sync="process")
    except StoreError as error:
        read.refusals.append(str(error))
        return read
    try:
        for run, expected in acknowledged.items():
            await _judge_run(store, run, expected, read)
        await _judge_list(store, acknowledged, read)
        for name, value in CACHED.items():
            await _judge_cached(store, name, value, read)
        if thoroughly and not (await check(store)).damage and read.refusals:
            read.broken.append(f"refused ({read.refusals[0]}), and the check finds nothing")
    finally:
        await store.close()
    return read


async def _judge_run(store: Store, run: str, expected: Sequence[Event], read: Read) -> None:
    try:
        found = list(await store.journal.events(run))
    except StoreError as error:
        read.refusals.append(str(error))
        return
    if found != list(expected[: len(found)]):
        read.broken.append(f"events of run {run} were invented: {found!r:.500}")
    read.short = read.short or len(found) < len(expected)


async def _judge_list(
    store: Store, acknowledged: Mapping[str, Sequence[Event]], read: Read
) -> None:
    try:
        listed = await store.journal.runs()
    except StoreError as error:
        read.refusals.append(str(error))
        return
    for each in listed:
        if each.status == "damaged":
            read.refusals.append(f"journal.sqlite: {each!r}")
        elif each.run not in acknowledged or each.task != f"task of {each.run}":
            read.broken.append(f"a run was invented: {each!r}")


async def _judge_cached(store: Store, name: str, value: Json, read: Read) -> None:
    try:
        found = await store.journal.get(name)
    except StoreError as error:
        read.refusals.append(str(error))
        return
    if found not in (None, value):
        read.broken.append(f"a cached value was invented: {found!r:.200}")


def campaign(folder: Path, harms: Iterable[Harm]) -> Report:
    """Does each harm to a copy of one of the stores in `folder`."""
    report, begun = Report(), time.perf_counter()
    copy = folder / "copy"
    acknowledged = {run: events(run, AFTER) for run in RUNS}
    with asyncio.Runner() as runner:
        for number, harm in enumerate(harms):
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(folder / harm.store, copy, copy_function=shutil.copyfile)
            harm.do(copy)
            thoroughly = harm.kind == "flips" or number % 10 == 0
            started = time.perf_counter()
            try:
                read = runner.run(judge(copy, acknowledged, thoroughly=thoroughly))
            except Exception as error:  # noqa: BLE001 - what must not happen, and is reported
                read = Read(broken=[f"{type(error).__name__}: {error}"])
            report.slowest_s = max(report.slowest_s, time.perf_counter() - started)
            _note(report, harm, read)
    report.seconds = time.perf_counter() - begun
    return report


def _note(report: Report, harm: Harm, read: Read) -> None:
    file = "artifact" if "artifacts" in harm.file else harm.file
    kind = f"{harm.kind} {file} ({harm.store})"
    report.done[kind] = report.done.get(kind, 0) + 1
    report.refused += bool(read.refusals)
    report.prefix += read.short and not read.refusals
    report.whole += not read.short and not read.refusals
    named = ("journal.sqlite", "artifacts")
    unplaced = [said for said in read.refusals if not any(name in said for name in named)]
    report.broken += [f"{harm}: no place in {said!r}" for said in unplaced]
    report.broken += [f"{harm}: {each}" for each in read.broken]


def harms(folder: Path, *, cuts: int | None, flips: int, seed: int) -> Iterator[Harm]:
    """Cuts at `cuts` places of each file's tail (None: at every byte), zeros at a tenth of them,
    and `flips` times bits that flip, alone or a few together."""
    chance = random.Random(seed)
    for store, name in TAILS:
        size = (folder / store / name).stat().st_size
        every = range(size - TAIL_BYTES, size)
        places = every if cuts is None else sorted(chance.sample(every, cuts))
        yield from (Harm("cut", store, name, (place,)) for place in places)
        yield from (Harm("zeros", store, name, (place,)) for place in places[::10])
    for _ in range(flips):
        store = chance.choice(STORES)
        files = sorted(path for path in (folder / store).rglob("*") if path.is_file())
        kept = [path for path in files if path.name in FILES]
        path = chance.choice(kept if chance.random() < 0.8 else files)
        bits = 8 * path.stat().st_size
        places = [chance.randrange(bits) for _ in range(chance.choice([1, 1, 1, 2, 8]))]
        yield Harm("flips", store, str(path.relative_to(folder / store)), tuple(places))


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--cuts", type=int, help="of each file; at every byte by default")
    options.add_argument("--flips", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=quick()) as place:
        stores = Path(place)
        make(stores)
        todo = harms(stores, cuts=chosen.cuts, flips=chosen.flips, seed=chosen.seed)
        report = campaign(stores, todo)
    print(json.dumps(asdict(report), indent=2))
    sys.exit(bool(report.broken))
