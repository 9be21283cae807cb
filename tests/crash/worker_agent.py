"""An agent for workers: each of its steps takes a while and says which process took it; its last
one waits until the test opens the gate."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from agentkit import Agent, tool
from agentkit.testing import ScriptedModel
from agentkit.tool import Context

STEPS = 12
PLAN = "".join(
    f"s{n} = step(number={n}, after={f's{n - 1}' if n else 0})\n" for n in range(STEPS)
) + (f"kept = keep(last=s{STEPS - 1})\nanswer(using=[kept])\n")
GATE = "gate.txt"
"""Holds the port that whoever wants to pass connects to, in the folder of the workers."""

ASKING = "sent = send(to='Ann')\nanswer(f'{sent}')\n"


@contextmanager
def gate(folder: Path) -> Generator[socket.socket]:
    """A gate that is shut until the socket is closed: no run ends before, on no machine."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as shut:
        (folder / GATE).write_text(str(shut.getsockname()[1]))
        yield shut


async def pass_gate() -> None:
    """Waits until the gate is open: a closed listener resets its connections, refuses others."""
    port = int(Path(GATE).read_text())  # noqa: ASYNC240
    with suppress(ConnectionError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await reader.read()
        finally:
            writer.close()


@tool(effect="read")
async def step(number: int, after: int) -> int:
    """A step; gives the process that took it."""
    await asyncio.sleep(0.3)
    return os.getpid()


@tool(effect="write")
async def keep(last: int, *, context: Context) -> int:
    """Keeps something under the call's idempotency key."""
    await pass_gate()
    Path(f"kept-{context.key[:16]}.txt").write_text("kept")  # noqa: ASYNC240
    return os.getpid()


@tool(effect="once", approve=True)
async def send(to: str) -> str:
    """Sends a letter."""
    with Path("letters.txt").open("a") as file:  # noqa: ASYNC230
        file.write(f"{to}\n")
    return f"sent to {to}"


@tool(effect="read")
async def wait() -> int:
    """Waits until the gate is open."""
    await pass_gate()
    return os.getpid()


@tool(effect="read")
async def die() -> int:
    """Kills the process."""
    os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


agent = Agent(
    model=ScriptedModel(replies=lambda asked: PLAN if asked.purpose == "plan" else "Kept [kept]."),
    tools=[step, keep],
    origin=f"{__file__}:agent",
)
asking = Agent(
    model=ScriptedModel(replies=lambda asked: ASKING), tools=[send], origin=f"{__file__}:asking"
)
telling = Agent(  # whether it knows of the first task
    model=ScriptedModel(
        replies=lambda asked: f"answer('{'First.' in asked.messages[-1].content}')\n"
    ),
    origin=f"{__file__}:telling",
)
patient = Agent(
    model=ScriptedModel(replies=lambda asked: "waited = wait()\nanswer(f'{waited}')\n"),
    tools=[wait],
    origin=f"{__file__}:patient",
)
deadly = Agent(
    model=ScriptedModel(replies=lambda asked: "died = die()\nanswer(f'{died}')\n"),
    tools=[die],
    origin=f"{__file__}:deadly",
)
