"""An agent whose calls are counted from outside: each leaves a line in a file when it begins.

Every tool takes a while, so that a kill at a random moment meets some of them at work. The model is
a function of what it is asked, so that a resumed run gets the answer that the killed one would.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from agentkit import Agent, tool
from agentkit.messages import Request
from agentkit.testing import ScriptedModel
from agentkit.tool import Context

WITNESS = Path("witness.txt")

PRICES = {"apples": 11, "pears": 13, "plums": 18}

FIRST = """fruits = list_fruits()
pages = [look_up(fruit=fruit) for fruit in fruits]
observe(pages)
"""

SECOND = """prices = [price(page=page) for page in pages]
total = add(numbers=prices)
if total > 40:
    note = save(text=f"total {total}")
answer(using=[total, pages])
"""


def witness(node: str) -> None:
    """One line, appended whole: it is there even if the process dies right after."""
    file = os.open(WITNESS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{node}\n".encode())
    os.close(file)


@tool(effect="read")
async def list_fruits(*, context: Context) -> list[str]:
    """The fruits of the orchard."""
    witness(context.node)
    await asyncio.sleep(0.02)
    return list(PRICES)


@tool(effect="read")
async def look_up(fruit: str, *, context: Context) -> str:
    """The page of a fruit; too long to stand in an event."""
    witness(context.node)
    await asyncio.sleep(0.01 * len(fruit))
    return f"In the orchard, {fruit} cost {PRICES[fruit]}. " + "More of the same. " * 100


@tool(effect="pure")
def price(page: str, *, context: Context) -> int:
    """The price on a page."""
    witness(context.node)
    time.sleep(0.02)
    return int(page.split(" cost ")[1].split(".")[0])


@tool(effect="pure")
def add(numbers: list[int], *, context: Context) -> int:
    """The sum."""
    witness(context.node)
    return sum(numbers)


@tool(effect="write")
async def save(text: str, *, context: Context) -> str:
    """Keeps a note under the call's idempotency key."""
    witness(context.node)
    await asyncio.sleep(0.02)
    Path(f"note-{context.key[:16]}.txt").write_text(text)  # noqa: ASYNC240
    return "saved"


def reply(request: Request) -> str:
    """What the model says; only the second turn of the planner has seen the orchard."""
    if request.purpose == "plan":
        return SECOND if "orchard" in request.messages[-1].content else FIRST
    return "Together they cost 42 [total]."


agent = Agent(
    model=ScriptedModel(replies=reply, tokens_per_s=400),
    tools=[list_fruits, look_up, price, add, save],
)
