"""An agent whose steps wait for their gates, for tests that look at a run while it goes on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from agentkit import Agent, Audio, tool
from agentkit.messages import Request
from agentkit.testing import ScriptedModel
from agentkit.tool import Tool
from tests.huge import LONG, many, some
from tests.report.test_hostile import HOSTILE

LEASE = """mails = search_mail(words='lease')
contract = read_contract(name='lease.pdf')
dates = find_dates(text=contract)
summary = sum_up(mails=mails, dates=dates)
sent = send_mail(to='ann@example.com', text=summary)
answer(f'The lease ends on 31 March; Ann has been told: {sent}')"""
SOUND = "kept = keep(sound=audio_1)\nanswer('The recording is kept.')"
MANY = 300


class Gates:
    """Steps wait where a gate is closed."""

    def __init__(self) -> None:
        self._open: defaultdict[str, asyncio.Event] = defaultdict(_opened)

    def close(self, *names: str) -> None:
        """Steps of these names wait from now on."""
        for name in names:
            self._open[name].clear()

    def open(self, name: str) -> None:
        """They go on."""
        self._open[name].set()

    async def through(self, name: str) -> None:
        """Returns once the gate is open."""
        await self._open[name].wait()


def office(gates: Gates) -> Agent[Any]:
    """The agent: `lease`, `sound` and `many` in a task say what is planned."""

    @tool(effect="read")
    async def search_mail(words: str) -> list[dict[str, str]]:
        """Find mails."""
        await gates.through("search_mail")
        return [
            {"from": "Ann Lee", "subject": "The lease", "date": "2 March"},
            {"from": "Landlord", "subject": "Re: your lease", "date": "28 February"},
        ]

    @tool(effect="read")
    async def read_contract(name: str) -> str:
        """Read a contract."""
        await gates.through("read_contract")
        return "The lease begins on 1 April 2024 and ends on 31 March 2027. Notice: three months."

    @tool(effect="pure")
    async def find_dates(text: str) -> list[str]:
        """Find dates in a text."""
        await gates.through("find_dates")
        return ["1 April 2024", "31 March 2027"]

    @tool(effect="pure")
    async def sum_up(mails: list[dict[str, str]], dates: list[str]) -> str:
        """Sum up."""
        await gates.through("sum_up")
        return f"{len(mails)} mails are about the lease. It ends on {dates[-1]}."

    @tool(effect="once", approve=True)
    async def send_mail(to: str, text: str) -> str:
        """Send a mail."""
        return f"sent to {to}"

    tools = [search_mail, read_contract, find_dates, sum_up, send_mail, *_further(gates)]
    return Agent(model=ScriptedModel(replies=_plan), tools=tools)


def _further(gates: Gates) -> list[Tool[..., Any]]:
    @tool(effect="pure")
    async def keep(sound: Audio) -> Audio:
        """Give the recording back."""
        return sound

    @tool(effect="read")
    async def tick(n: int) -> int:
        """Give the number back."""
        await gates.through(f"tick {n}")
        return n

    @tool(effect="read", trusted=False)
    async def give(text: str) -> dict[str, Any]:
        """Give it back."""
        return {"text": text, text: [text], "rows": [{text: text}, {text: text}]}

    @tool(effect="read", trusted=False)
    async def much() -> str:
        """Ten megabytes in one text."""
        await gates.through("much")
        return LONG

    return [keep, tick, give, much, many, some]


def _plan(request: Request) -> str:
    asked = request.messages[-1].content
    if "The program so far:" in asked:
        return ""
    task = asked.rpartition("Task: ")[2].partition("\n")[0]
    if "many" in task:
        ticks = [f"n{n} = tick(n={n})" for n in range(1, MANY + 1)]
        return "\n".join([*ticks, f"answer(f'{{n{MANY}}}')"])
    if "hostile" in task:
        return f"a = give(text={HOSTILE!r})\nanswer(f'{{a.text}}')"
    if "megabytes" in task:
        return "rows = many()\ntext = much()\npart = some()\nanswer(f'{part}')"
    if "recording" in task:
        return SOUND
    return LEASE if "lease" in task else f"answer({'You said: ' + task!r})"


def _opened() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate
