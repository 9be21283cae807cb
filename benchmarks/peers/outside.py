"""What the scripts of all engines share: the steps, the witness outside of them, the figures.

    python with_ENGINE.py effects FOLDER chain 30     begin or resume one run of counted steps
    python with_ENGINE.py speed FOLDER chain 100      three runs of bare steps, measured

Only the standard library: each script runs in the environment of its engine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

STEP_S = 0.003
"""Of a step in a chain; in a fan, where all begin at once, one to ten times as long."""
RUNS = 3
RUN = "20261126-12000{}-benchm"
"""As long as run ids are: they are part of what is written."""
WITNESS = "witness.txt"
IO = Path("/proc/self/io")

Step = Callable[[int], Awaitable[int]]
"""Takes its own number, gives the next one."""


@dataclass(frozen=True)
class Job:
    """What is to be run: `count` steps.

    A `chain` is one after the other, `wide` all at once, a `fan` all but one at once and that one
    after them.
    """

    folder: Path
    shape: str
    count: int
    step: Step
    mode: str

    @property
    def chain(self) -> bool:
        return self.shape == "chain"

    @property
    def joined(self) -> bool:
        return self.shape == "fan"


Run = Callable[[str], Awaitable[dict[str, Any]]]
"""Begins the run of this id or carries it on, to its end; returns what there is to say of it."""

Engine = Callable[[Job], AbstractAsyncContextManager[Run]]


def witnessed(folder: Path, shape: str) -> Step:
    """A step whose effect is a line in a file, there even if the process dies right after."""
    file = os.open(folder / WITNESS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    spoken: list[bool] = []

    async def step(number: int) -> int:
        times = 1 if shape == "chain" else 1 + number % 10
        if not spoken:
            spoken.append(True)
            print("begun", flush=True)
        os.write(file, f"did {number}\n".encode())
        await asyncio.sleep(STEP_S * times)
        os.write(file, f"returns {number}\n".encode())
        return number + 1

    return step


@dataclass
class Meter:
    """A bare step, and the bytes written by the process at every hundredth one."""

    written: list[int] = field(default_factory=list[int])

    async def step(self, number: int) -> int:
        if number % 100 == 0:
            self.written.append(written_bytes())
        return number + 1


def written_bytes() -> int:
    """What this process has handed to write() so far; 0 where the system does not say."""
    if not IO.exists():
        return 0
    lines = dict(line.split(": ") for line in IO.read_text().splitlines())
    return int(lines["wchar"])


async def effects(engine: Engine, job: Job) -> None:
    """One run, begun or resumed, to its end."""
    async with engine(job) as run:
        print(json.dumps(await run("run")), flush=True)


async def speed(engine: Engine, job: Job, meter: Meter) -> dict[str, Any]:
    """A run to warm up, then some that are measured; `written` is until all is put away."""
    figures: list[dict[str, Any]] = []
    async with engine(job) as run:
        await run("warm")
        written = written_bytes()
        for number in range(RUNS):
            meter.written.clear()
            wall, cpu = time.perf_counter(), time.process_time()
            await run(RUN.format(number))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            marks = meter.written
            by_hundred = [b - a for a, b in zip(marks, marks[1:], strict=False)]
            figures.append({"wall_s": wall, "cpu_s": cpu, "by_hundred": by_hundred})
    return {"runs": figures, "written": written_bytes() - written}


def main(engine: Engine, *packages: str) -> None:
    """What a script does when it is called."""
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=("effects", "speed"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("shape", choices=("chain", "fan", "wide"))
    parser.add_argument("count", type=int)
    parser.add_argument("mode", nargs="?", default="")
    given = parser.parse_args()
    meter = Meter()
    step = meter.step if given.job == "speed" else witnessed(given.folder, given.shape)
    job = Job(given.folder, given.shape, given.count, step, given.mode)
    if given.job == "effects":
        asyncio.run(effects(engine, job))
        return
    figures = asyncio.run(speed(engine, job, meter))
    versions = {name: version(name) for name in packages}
    print(json.dumps({**figures, "versions": versions}), flush=True)
