"""How soon another worker has the runs of one that was killed, or that stands still.

    python benchmarks/takeover.py [--check] [STORE]

STORE is `postgresql://…` or a folder; a temporary folder without it. The time is from the signal
until an idle worker has begun all of the runs; the longest of some rounds counts.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from table import Row
from waiting import said, shown, started, submitted

from agentkit import Agent, tool
from agentkit.planners import Fixed
from agentkit.store import Store
from agentkit.testing import ScriptedModel

RUNS = 16
ROUNDS = 3
LEASE_S = 1.0
MOST_S = 2.0
"""After the end of the lease."""
OPTIONS = ("--lease", str(LEASE_S), "--deaths", "99")
SIGNALS = {"was killed": signal.SIGKILL, "stands still": signal.SIGSTOP}


@tool(effect="read")
async def wait() -> str:
    """Never ends."""
    return await asyncio.get_running_loop().create_future()


agent = Agent(
    model=ScriptedModel(),
    planner=Fixed("waited = wait()\nanswer(f'{waited}')\n"),
    tools=[wait],
    origin=f"{Path(__file__).resolve()}:agent",
)


def taken_s(one: subprocess.Popen[str], other: subprocess.Popen[str], number: int) -> float:
    """Seconds from the signal to one worker until the other, which was idle, has begun its runs."""
    said(other, "waiting for runs", 1)
    os.kill(one.pid, number)
    begun = time.perf_counter()
    said(other, ": begun by", RUNS)
    return time.perf_counter() - begun


async def measure(store: Store, where: str, artifacts: Path) -> list[Row]:
    await submitted(agent, store, RUNS)
    workers = [started(where, artifacts, *OPTIONS)]
    longest_s = dict.fromkeys(SIGNALS, 0.0)
    try:
        said(workers[0], ": begun by", RUNS)
        for what, number in [*SIGNALS.items()] * ROUNDS:
            workers.append(started(where, artifacts, *OPTIONS))
            took_s = taken_s(workers[-2], workers[-1], number)
            workers[-2].kill()
            longest_s[what] = max(longest_s[what], took_s)
    finally:
        for each in workers:
            each.kill()
            each.communicate()
    goal = f"are another's, < lease of {LEASE_S:g} s + {MOST_S:g} s"
    return [
        Row(f"{RUNS} runs of a worker that {what} {goal}",
            f"{took_s:.2f} s", took_s < LEASE_S + MOST_S)
        for what, took_s in longest_s.items()
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(asyncio.run(shown("Runs whose worker is gone", measure, sys.argv[1:])))
