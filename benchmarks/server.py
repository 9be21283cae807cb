"""Many clients of one server: event streams, and chats, at once.

    python benchmarks/server.py [SECONDS] [--check]

`agentkit serve` in a process of its own, on a store in a folder. 200 clients follow runs by their
events; every second one goes away in the middle of each run and comes back with `Last-Event-ID`.
50 others chat, each as fast as it is answered. Memory is the server's, after a third of the time
and at the end. 60 seconds unless another number is given.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import mean, median

import httpx2
from server_agents import REPLY
from table import Row, exit_code, show

STREAMS = 200
CHATS = 50
RUNS_AT_ONCE = 4
TOKEN = "benchmark"
MOST_GROWTH = 0.05
HERE = Path(__file__).parent


@dataclass
class Seen:
    """What the clients met."""

    until: float
    events: int = 0
    followed: int = 0
    wrong: Counter[str] = field(default_factory=Counter[str])
    chat_s: list[float] = field(default_factory=list[float])
    memory_mb: list[float] = field(default_factory=list[float])

    @property
    def over(self) -> bool:
        return asyncio.get_running_loop().time() >= self.until


@dataclass
class Current:
    """The runs that go on; a client that asks for the n-th waits until it has begun."""

    runs: list[str] = field(default_factory=list[str])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, run: str) -> None:
        """One more has begun."""
        self.runs.append(run)
        self.changed.set()
        self.changed = asyncio.Event()

    async def at(self, number: int) -> str:
        """The run of this number."""
        while len(self.runs) <= number:
            await self.changed.wait()
        return self.runs[number]


@contextmanager
def served(store: str) -> Generator[tuple[str, int]]:
    """The URL and the process of a server."""
    command = [sys.executable, "-m", "agentkit", "serve", str(HERE / "server_agents.py")]
    command += ["--port", "0", "--runs", "100", "--store", store]
    env = {**os.environ, "AGENTKIT_TOKEN": TOKEN}
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        yield process.stderr.readline().rpartition(" at ")[2].strip(), process.pid
    finally:
        process.terminate()
        process.communicate()


async def begin(http: httpx2.AsyncClient, current: Current, seen: Seen) -> None:
    """Run after run, until the time is over."""
    while not seen.over:
        begun = await http.post("/runs", json={"agent": "steady", "task": "go on"})
        if begun.status_code != 201:
            seen.wrong[f"start {begun.status_code}"] += 1
            return
        run = begun.json()["run"]
        current.add(run)
        async for _ in ids(http, run, 0):
            pass


async def follow(http: httpx2.AsyncClient, client: int, current: Current, seen: Seen) -> None:
    """One run after the other, each from its first event to its last."""
    for number in count(client % RUNS_AT_ONCE, RUNS_AT_ONCE):
        if seen.over:
            return
        run = await current.at(number)
        leave_after = 10 if client % 2 else 0
        found = [id async for id in ids(http, run, 0, leave_after)]
        if leave_after:
            found += [id async for id in ids(http, run, found[-1])]
        if found != [*range(1, len(found) + 1)]:
            seen.wrong["out of order, or missing"] += 1
        whole = (await http.get(f"/runs/{run}")).json()
        if whole["status"] != "answered" or whole["events"] != len(found):
            seen.wrong[f"{len(found)} events of {whole['events']}, {whole['status']}"] += 1
        seen.events += len(found)
        seen.followed += 1


async def ids(
    http: httpx2.AsyncClient, run: str, after: int, leave_after: int = 0
) -> AsyncGenerator[int, None]:
    """The numbers of the run's stored events, as they come; after so many the client leaves."""
    headers = {"Last-Event-ID": str(after)} if after else {}
    taken = 0
    async with http.stream("GET", f"/runs/{run}/events", headers=headers) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                yield int(line[4:])
                taken += 1
                if taken == leave_after:
                    return


async def chat(http: httpx2.AsyncClient, seen: Seen) -> None:
    """Chat after chat, streamed."""
    loop = asyncio.get_running_loop()
    asked = {
        "model": "chatty", "messages": [{"role": "user", "content": "hello"}], "stream": True
    }  # fmt: skip
    while not seen.over:
        began = loop.time()
        async with http.stream("POST", "/v1/chat/completions", json=asked) as response:
            text = "".join([line async for line in response.aiter_lines()])
        if REPLY not in text or not text.endswith("data: [DONE]"):
            seen.wrong[f"chat {response.status_code}"] += 1
        seen.chat_s.append(loop.time() - began)


async def watch(pid: int, seen: Seen) -> None:
    """The server's memory, every second."""
    status_of = Path(f"/proc/{pid}/status")
    while not seen.over:
        await asyncio.sleep(1)
        status = status_of.read_text("ascii")  # noqa: ASYNC240 - no disk is behind it
        seen.memory_mb.append(int(status.partition("VmRSS:")[2].split()[0]) / 1024)


async def measured(url: str, pid: int, seconds: float) -> Seen:
    """What all clients met in so many seconds, and until what had begun then has ended."""
    seen, current = Seen(asyncio.get_running_loop().time() + seconds), Current()
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(
        base_url=url, headers=headers, limits=limits, timeout=None
    ) as http, asyncio.TaskGroup() as clients:  # fmt: skip
        clients.create_task(watch(pid, seen))
        begun = [clients.create_task(begin(http, current, seen)) for _ in range(RUNS_AT_ONCE)]
        following = [
            clients.create_task(follow(http, client, current, seen)) for client in range(STREAMS)
        ]
        for _ in range(CHATS):
            clients.create_task(chat(http, seen))
        await asyncio.gather(*begun)
        _, waiting = await asyncio.wait(following, timeout=5)
        for task in waiting:  # for a run that nobody begins any more
            task.cancel()
    return seen


def rows(seen: Seen, seconds: float) -> Sequence[Row]:
    """The figures."""
    third = max(1, len(seen.memory_mb) // 3)
    before, after = mean(seen.memory_mb[third : 2 * third]), mean(seen.memory_mb[-third:])
    growth = after / before - 1
    wrong = ", ".join(f"{what}: {times}" for what, times in seen.wrong.items()) or "none"
    chats = sorted(seen.chat_s)
    return [
        Row(f"{STREAMS} streams: runs followed to their end", f"{seen.followed:,}"),
        Row("  events a second", f"{seen.events / seconds:,.0f}"),
        Row(f"{CHATS} chats at once: replies a second", f"{len(chats) / seconds:,.1f}"),
        Row("  median, and of twenty the slowest", f"{median(chats):.2f} s, "
            f"{chats[int(0.95 * len(chats))]:.2f} s"),
        Row("events lost or out of order, chats cut", wrong, not seen.wrong and seen.followed > 0),
        Row(f"memory, from the middle to the end: ≤ +{MOST_GROWTH:.0%}",
            f"{before:.0f} MB, {growth:+.1%}", growth <= MOST_GROWTH),
    ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(folder) as (url, pid):
        seen = asyncio.run(measured(url, pid, args.seconds))
    table = rows(seen, args.seconds)
    show(f"the server, {args.seconds:g} s", table)
    return exit_code(table, check=args.check)


if __name__ == "__main__":
    sys.exit(main())
