"""Counts effects in a process of its own, so that whoever is killed cannot lose the count.

A call that has its reply was counted; one that was killed before may have been. `python -m
tests.crash.tally` serves on a loopback socket, says its port, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, slots=True)
class Counted:
    """One call of a tool, as it was counted."""

    node: str
    effect: str
    key: str


@dataclass(frozen=True, slots=True)
class Tally:
    """The counting process, seen from those that it counts."""

    port: int

    def count(self, run: str, call: Counted) -> None:
        """Counted when this returns."""
        self._say({"run": run, "call": [call.node, call.effect, call.key]})

    def of(self, run: str) -> Sequence[Counted]:
        """All calls of a run until now."""
        return [Counted(*call) for call in self._say({"run": run})]

    def _say(self, message: dict[str, object]) -> list[list[str]]:
        with (
            socket.create_connection(("127.0.0.1", self.port)) as peer,
            peer.makefile("rw") as file,
        ):
            file.write(json.dumps(message) + "\n")
            file.flush()
            return cast("list[list[str]]", json.loads(file.readline()))


def by_node(calls: Sequence[Counted]) -> Counter[str]:
    """How often each node was called."""
    return Counter(call.node for call in calls)


@contextmanager
def serving() -> Generator[Tally]:
    """A counting process for the length of the block."""
    command = [sys.executable, "-m", "tests.crash.tally"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield Tally(int(process.stdout.readline()))
        finally:
            process.stdin.close()


async def serve() -> None:
    """Until standard input ends."""
    runs: dict[str, list[list[str]]] = {}

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        if line.endswith(b"\n"):  # else the caller was killed while it wrote: it has not called
            message = json.loads(line)
            calls = runs.setdefault(message["run"], [])
            if "call" in message:
                calls.append(message["call"])
            writer.write(json.dumps([] if "call" in message else calls).encode() + b"\n")
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
