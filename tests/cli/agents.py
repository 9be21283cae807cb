"""Agents whose plans are known, for tests that start `agentkit` as a person does."""

from __future__ import annotations

import asyncio
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from agentkit import Agent, Context, Cost, ToolError, tool
from agentkit.media import Media
from agentkit.messages import Request
from agentkit.testing import ScriptedModel

WITNESS = Path("witness.txt")
GATE = Path("gate")
OPEN = Path("open.txt")
"""Where this file is, what waits need wait no more."""

PLAN = """\
fees = look(word="fees")
rooms = look(word="rooms")
lengths = [count(text=text) for text in [fees, rooms]]
if sum(lengths) > 5:
    note = look(word="note")
answer(using=[fees, lengths])
"""


@tool(effect="read")
async def look(word: str) -> str:
    """Look a word up."""
    with WITNESS.open("a") as file:  # noqa: ASYNC230
        file.write(f"{word}\n")
    return f"the {word}"


@tool(effect="pure")
def count(text: str) -> int:
    """The number of words."""
    return len(text.split())


@tool(effect="pure")
def size_of(file: Annotated[bytes, Media("*/*")] | None = None) -> int:
    """Bytes of a file."""
    return len(file or b"")


@tool(effect="read")
async def broken(n: int) -> int:
    """Always fails."""
    raise ToolError("no space on \x1b[31mdevice")


@tool(effect="read")
async def wait(hours: float, context: Context) -> str:
    """Waits until it is stopped; at once where the file says so."""
    if not OPEN.exists():  # noqa: ASYNC240
        context.progress(1, hours, "hours")
        await asyncio.Event().wait()
    return "waited"


@tool(effect="write")  # what was done before is on disk when it begins
async def stubborn(hours: float, context: Context) -> str:
    """Does not stop when it is told to."""
    if not OPEN.exists():  # noqa: ASYNC240
        context.progress(1, hours, "hours")
        try:
            await asyncio.Event().wait()
        finally:
            print("stubborn as a mule", file=sys.stderr, flush=True)
            await asyncio.Event().wait()
    return "waited"


def planned(plan: str, answer: str = "The fees [fees] are **long**.") -> ScriptedModel:
    """A model that writes this plan first, has nothing to add, and then this answer."""
    plans = iter([plan])

    def reply(request: Request) -> str:
        return next(plans, "") if request.purpose == "plan" else answer

    return ScriptedModel(replies=reply)


def polite(request: Request) -> str:
    """Counts what was said before in this session."""
    turn = request.messages[-1].content.count("assistant: turn") + 1
    return f'answer("turn {turn}")' if request.purpose == "plan" else "hm"


LEFT = [0]
"""After so many pieces more, a model's text waits at the gate."""


async def gated(_: float) -> None:
    """Between two pieces of a model's text: waits once until somebody writes into the gate."""
    LEFT[0] -= 1
    if LEFT[0] == 0 and GATE.exists():  # noqa: ASYNC240
        await asyncio.to_thread(GATE.read_bytes)


EVIL = "\x1b]0;owned\x07\x1b[2J\u202etxt.exe\x9b31m"


def evil(request: Request) -> str:
    """Looks its question up, and answers with text that a terminal or an eye would obey."""
    if request.purpose != "plan":
        LEFT[0] = 2
        return f"first {EVIL} last"
    return (
        "" if "a: value" in str(request.messages) else f'a = look(word="{EVIL}")\nanswer(using=[a])'
    )


TOOLS = [look, count, size_of, broken, wait, stubborn]
looking = Agent(model=planned(PLAN), tools=TOOLS)
failing = Agent(
    model=planned('a = broken(n=1)\nb = count(text=f"{a}")\nanswer(f"{b}")'), tools=TOOLS
)
wrong = Agent(model=ScriptedModel(replies=lambda _: 'a = lock(word="x")\n'), tools=TOOLS)
patient = Agent(
    model=planned('a = look(word="x")\nb = wait(hours=9)\nanswer(f"{a}, {b}")'), tools=TOOLS
)
mule = Agent(
    model=planned('a = look(word="x")\nb = stubborn(hours=9)\nanswer(f"{a}, {b}")'), tools=TOOLS
)
talking = Agent(model=ScriptedModel(replies=polite), tools=TOOLS)
hostile = Agent(model=ScriptedModel(replies=evil, tokens_per_s=1, sleep=gated), tools=TOOLS)
remote = Agent(model=os.environ.get("TEST_MODEL", "test:"), tools=TOOLS)


@tool(effect="once", approve=True)
async def send(to: str) -> str:
    """Send a letter."""
    with WITNESS.open("a") as file:  # noqa: ASYNC230
        file.write(f"letter to {to}\n")
    return f"sent to {to}"


asking = Agent(model=planned('s = send(to="Ann")\nanswer(f"{s}")', "done"), tools=[send])
LETTERS = 'ss = [send(to=name) for name in ["Ann"]]\nanswer(f"{ss}")'
asking_in_map = Agent(model=planned(LETTERS, "done"), tools=[send])


@tool(effect="read", cost=Cost(usd=Decimal("0.02")))
async def buy(word: str) -> str:
    """Look a word up for two cents."""
    with WITNESS.open("a") as file:  # noqa: ASYNC230
        file.write(f"bought {word}\n")
    return word


SHOPPING = 'a = buy(word="a")\nb = buy(word="b")\nc = buy(word="c")\nanswer(f"{a}{b}{c}")'
buying = Agent(model=planned(SHOPPING), tools=[buy])


@tool(effect="once")
async def stamp(to: str) -> str:
    """Stamp a letter, which costs a stamp each time."""
    with WITNESS.open("a") as file:  # noqa: ASYNC230
        file.write(f"stamp for {to}\n")
    return f"stamped for {to}"


@tool(effect="write")  # what was done before is on disk when it begins
async def mail_van(after: str) -> str:
    """Says that it waits, and does until the file is there."""
    print("waiting for the van", file=sys.stderr, flush=True)
    if not OPEN.exists():  # noqa: ASYNC240
        await asyncio.Event().wait()
    return f"{after}, away"


CLERK = 's = send(to="Ann")\nanswer(f"{s}")'
POSTMAN = 's = stamp(to="Ann")\nv = mail_van(after=s)\nanswer(f"{v}")'
clerk = Agent(name="clerk", model=planned(CLERK, "done"), tools=[send])
postman = Agent(name="postman", model=planned(POSTMAN, "done"), tools=[stamp, mail_van])
asking_clerk = Agent(
    model=planned('r = clerk(task="Write to Ann.")\nanswer(f"{r}!")', "done"), tools=[clerk]
)
sending_postman = Agent(
    model=planned('r = postman(task="Bring it.")\nanswer(f"{r}!")', "done"), tools=[postman]
)
