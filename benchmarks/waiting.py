"""What runs that wait for approval cost a worker: it pauses 10,000 of them, and its memory is read.

    python benchmarks/waiting.py [--check] [STORE]

STORE is `postgresql://…` or a folder; a temporary folder without it. The memory is the resident set
of the worker's process before its first run and after the last one has paused, Python's own
growth over the runs included. Then one of them is approved from this process, and ends right.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from table import Row, exit_code, show

from agentkit import Agent, tool
from agentkit.decide import approve
from agentkit.planners import Fixed
from agentkit.store import Store, open_store
from agentkit.testing import ScriptedModel

RUNS = 10_000
MOST_MB = 60

Measure: TypeAlias = Callable[[Store, str, Path], Awaitable[list[Row]]]


@tool(effect="once", approve=True)
async def send(to: str) -> str:
    """Sends a letter."""
    return f"sent to {to}"


agent = Agent(
    model=ScriptedModel(),
    planner=Fixed("sent = send(to='Ann')\nanswer(f'{sent}')\n"),
    tools=[send],
    origin=f"{Path(__file__).resolve()}:agent",
)


def resident_mb(pid: int) -> float:
    """The memory of a process, in 10^6 bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def submitted(agent: Agent[str], store: Store, count: int) -> list[str]:
    """The ids of so many new runs."""
    ours = replace(agent, store=store)
    return [await ours.submit("Do it.") for _ in range(count)]


def said(worker: subprocess.Popen[str], what: str, times: int) -> None:
    """Reads what the worker says until it has said so often."""
    assert worker.stderr is not None
    while times:
        line = worker.stderr.readline()
        if not line:
            sys.exit("the worker ended")
        times -= what in line


def started(where: str, artifacts: Path, *more: str) -> subprocess.Popen[str]:
    """A worker as a process of its own."""
    command = [sys.executable, "-m", "agentkit", "worker", "--store", where, "-n", "16", *more]
    env = {**os.environ, "AGENTKIT_ARTIFACTS": str(artifacts)}
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)


async def measure(store: Store, where: str, artifacts: Path) -> list[Row]:
    with started(where, artifacts) as worker:
        await submitted(agent, store, 20)
        await asyncio.to_thread(said, worker, "waits for approval", 20)
        before, begun = resident_mb(worker.pid), time.perf_counter()
        (first, *_), _ = await asyncio.gather(
            submitted(agent, store, RUNS),
            asyncio.to_thread(said, worker, "waits for approval", RUNS),
        )
        seconds = time.perf_counter() - begun
        grown = resident_mb(worker.pid) - before
        decided = time.perf_counter()
        await approve(store.journal, first, "sent")
        await asyncio.to_thread(said, worker, f"{first}: answered", 1)
        waited = time.perf_counter() - decided
        worker.terminate()
        await asyncio.to_thread(worker.communicate)
    return [
        Row(f"memory of a worker with {RUNS:,} waiting runs, < {MOST_MB} MB more",
            f"{grown:.1f} MB", grown < MOST_MB),
        Row("submitted, begun and paused", f"{RUNS / seconds:,.0f} /s"),
        Row("from the approval of one to its answer", f"{waited * 1e3:.0f} ms"),
    ]  # fmt: skip


async def shown(title: str, measure: Measure, arguments: list[str]) -> int:
    """The exit code of a benchmark of runs in a store, a temporary one unless one is given."""
    given = [each for each in arguments if each != "--check"]
    with tempfile.TemporaryDirectory() as folder:
        where = given[0] if given else folder
        artifacts = Path(folder) / "artifacts"
        store = open_store(where, artifacts=artifacts)
        rows = await measure(store, where, artifacts)
        await store.close()
    show(title, rows)
    return exit_code(rows, check="--check" in arguments)


if __name__ == "__main__":
    sys.exit(asyncio.run(shown("Runs that wait", measure, sys.argv[1:])))
