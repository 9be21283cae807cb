"""Workers as processes of their own, and what the store says of their runs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Timer
from typing import Any

from agentkit import Agent
from agentkit.events import Event
from agentkit.store import Store, open_store
from tests.processes import finished

ROOT = Path(__file__).parents[2]
LONGEST_S = 120
"""Waited for so long, a worker is killed: what should come did not, and its lines say what did."""


@dataclass
class Worker:
    """A process; `lines` is what it has said so far."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list[str])

    def until(self, *texts: str, since: int = 0) -> None:
        """Reads on until each text stands in a line, past the first `since` ones."""
        missing, at = {*texts}, since
        late = Timer(LONGEST_S, self.process.kill)
        late.start()
        try:
            while missing:
                if at == len(self.lines):
                    self._read()
                missing -= {text for text in missing if text in self.lines[at]}
                at += 1
        finally:
            late.cancel()

    def _read(self) -> None:
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line, f"it ended: {self.lines}"
        self.lines.append(line.strip())

    def rest(self) -> list[str]:
        """All lines of a process that has ended."""
        assert self.process.stderr is not None
        return self.lines + self.process.stderr.read().splitlines()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)


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
        started = Worker(process)
        try:
            started.until("waiting for runs")
            yield started
        finally:
            process.kill()


def command(folder: Path, *arguments: str) -> str:
    """A command of the command line; gives what it printed."""
    whole = [sys.executable, "-W", "error", "-m", "agentkit", *arguments]
    done = finished(whole, cwd=folder, env=environment(folder))
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
