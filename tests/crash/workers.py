"""Workers as processes of their own, and what the store says of their runs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Timer
from typing import Any

from agentkit import Agent
from agentkit.events import Event
from agentkit.store import Store, open_store

ROOT = Path(__file__).parents[2]
LONGEST_S = 120
"""Then a worker is killed: what was waited for did not come, and its lines say what did."""


@dataclass
class Worker:
    """A process; `lines` is what it has said so far, with the moments when it was read."""

    process: subprocess.Popen[str]
    lines: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def until(self, *texts: str, since: int = 0) -> float:
        """Reads on until each text stands in a line, past the first `since` ones. Returns when the
        last of them came."""
        came: dict[str, float] = {}
        at = since
        while len(came) < len(texts):
            if at == len(self.lines):
                self._read()
            moment, line = self.lines[at]
            came |= {text: moment for text in texts if text in line and text not in came}
            at += 1
        return max(came.values())

    def _read(self) -> None:
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line, f"it ended: {[line for _, line in self.lines]}"
        self.lines.append((time.monotonic(), line.strip()))

    def rest(self) -> list[str]:
        """All lines of a process that has ended."""
        assert self.process.stderr is not None
        left = self.process.stderr.read().splitlines()
        return [line for _, line in self.lines] + left

    def signal(self, number: signal.Signals) -> float:
        """Sends the signal; returns when."""
        os.kill(self.process.pid, number)
        return time.monotonic()


@contextmanager
def worker(folder: Path, store: str, *arguments: str) -> Generator[Worker]:
    """`agentkit worker`, ready for runs; killed if it is still there at the end."""
    command = [sys.executable, "-W", "error", "-m", "agentkit", "worker", "--store", store]
    with subprocess.Popen(
        [*command, *arguments],
        cwd=folder,
        env=environment(folder),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        started, late = Worker(process), Timer(LONGEST_S, process.kill)
        late.start()
        try:
            started.until("waiting for runs")
            yield started
        finally:
            late.cancel()
            process.kill()


def command(folder: Path, *arguments: str) -> str:
    """A command of the command line; gives what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "agentkit", *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def environment(folder: Path) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "PATH": "/usr/bin:/bin",
        "AGENTKIT_ARTIFACTS": (folder / "artifacts").as_uri(),
    }


def opened(folder: Path, store: str) -> Store:
    return open_store(store, artifacts=folder / "artifacts", sync="process")


def submit(folder: Path, store: str, agent: Agent[Any], count: int) -> list[str]:
    """The ids of so many new runs."""

    async def all_of_them() -> list[str]:
        there = opened(folder, store)
        ours = replace(agent, store=there)
        runs = [await ours.submit("Do it.") for _ in range(count)]
        await there.close()
        return runs

    return asyncio.run(all_of_them())


def events_of(folder: Path, store: str, runs: Sequence[str]) -> dict[str, Sequence[Event]]:
    """The events of each run."""

    async def read() -> dict[str, Sequence[Event]]:
        there = opened(folder, store)
        found = {run: await there.journal.events(run) for run in runs}
        await there.close()
        return found

    return asyncio.run(read())
