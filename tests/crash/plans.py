"""Plans of eight calls in five shapes, whose tools are counted by another process.

Every effect class is in each. The model is a function of what it is asked, so that a resumed run
hears what the killed one would have heard.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from agentkit import Agent, tool
from agentkit.errors import ToolError
from agentkit.media import Artifact
from agentkit.messages import Request
from agentkit.planners import Fixed
from agentkit.protocols import Planner
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from agentkit.tool import Context, Tool
from tests.crash.tally import Counted, Tally

TASK = "Do all of it."
ANSWER = "All of it is done [last]."
MISSING = "there is no such page"

SHAPES: Mapping[str, str] = {
    "chain": """a = fetch(n=1)
b = work(text=a)
c = put(text=b)
d = pay(text=c)
e = fetch(n=2, after=d)
f = put(text=e)
g = pay(text=f)
last = work(text=g)
answer(using=[last])
""",
    "fan": """start = fetch(n=1)
a = fetch(n=2, after=start)
b = work(text=f"{start} b")
c = put(text=f"{start} c")
d = put(text=f"{start} d")
e = pay(text=f"{start} e")
f = pay(text=f"{start} f")
last = work(text=f"{a} {b} {c} {d} {e} {f}")
answer(using=[last])
""",
    "map": """start = fetch(n=1)
items = [f"{start} a", f"{start} b", f"{start} c"]
paid = [pay(text=put(text=item)) for item in items]
last = work(text=f"{paid}")
answer(using=[last])
""",
    "replan": """a = fetch(n=1)
b = put(text=a)
c = pay(text=b)
page = look_up(text=b)
d = work(text=page)
""",
    "long": """a = read_book(n=1)
b = read_book(n=2)
c = put(text=a)
d = pay(text=b)
e = keep(text=c)
f = keep(text=d)
g = put(text=f"{e.name} {f.name}")
last = work(text=g)
answer(using=[last])
""",
}
"""By name. `replan` goes on with `MENDED` once the planner has heard that a page is missing."""

MENDED = """e = fetch(n=2, after=c)
f = pay(text=e)
last = work(text=f)
answer(using=[last])
"""


def agent(shape: str, *, run: str, store: str | Path | Store, tally: Tally) -> Agent[str]:
    """An agent whose next run has this id."""

    def count(context: Context, effect: str) -> None:
        tally.count(run, Counted(context.node, effect, context.key))

    planner: Planner = Fixed(SHAPES[shape])
    return Agent(
        model=ScriptedModel(replies=_reply),
        planner="program" if shape == "replan" else planner,
        tools=[*readers(count), *writers(count)],
        store=store,
        new_id=lambda: run,
    )


def _reply(request: Request) -> str:
    if request.purpose != "plan":
        return ANSWER
    return MENDED if MISSING in request.messages[-1].content else SHAPES["replan"]


Count: TypeAlias = Callable[[Context, str], None]
"""Counts a call, with its effect class, in another process."""


def readers(count: Count) -> list[Tool[..., Any]]:
    """Each takes a few milliseconds around its effect, for a kill to fall into."""

    @tool(effect="read")
    async def fetch(n: int, after: str = "", *, context: Context) -> str:
        """A short text."""
        await asyncio.sleep(0.002)
        count(context, "read")
        await asyncio.sleep(0.002)
        return f"text {n}"

    @tool(effect="read")
    async def look_up(text: str, *, context: Context) -> str:
        """A page that is not there."""
        count(context, "read")
        await asyncio.sleep(0.002)
        raise ToolError(MISSING)

    @tool(effect="read")
    async def read_book(n: int, *, context: Context) -> str:
        """A text too long to stand in an event."""
        count(context, "read")
        await asyncio.sleep(0.002)
        return f"book {n} " * 400

    @tool(effect="pure")
    def work(text: str, *, context: Context) -> str:
        """The length of a text; in a thread."""
        count(context, "pure")
        time.sleep(0.004)
        return f"{len(text)} letters"

    return [fetch, look_up, read_book, work]


def writers(count: Count) -> list[Tool[..., Any]]:
    """What may not be done twice, or only with the same key."""

    @tool(effect="write")
    async def put(text: str, *, context: Context) -> str:
        """Keeps a text under the call's key."""
        await asyncio.sleep(0.002)
        count(context, "write")
        await asyncio.sleep(0.002)
        return f"kept {text[:20]}"

    @tool(effect="write")
    async def keep(text: str, *, context: Context) -> Artifact:
        """Keeps a text as a file."""
        count(context, "write")
        return context.artifacts.put((text * 99).encode(), media_type="text/plain", name="note")

    @tool(effect="once")
    async def pay(text: str, *, context: Context) -> str:
        """Pays; never twice."""
        await asyncio.sleep(0.002)
        count(context, "once")
        await asyncio.sleep(0.002)
        return f"paid for {text[:20]}"

    return [put, keep, pay]
