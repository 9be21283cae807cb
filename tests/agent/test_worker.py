"""Workers in this process: how many runs at once, what becomes of each, and how they give up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, ToolError, UsageError, tool
from agentkit.decide import approve
from agentkit.protocols import ANY_DEATHS, Claim, RunQueue
from agentkit.store import Store, open_store
from agentkit.testing import ScriptedModel
from agentkit.testing.queue import queue
from agentkit.worker import work

pytestmark = pytest.mark.anyio

Open = Callable[[], Store]


@pytest.fixture(params=["sqlite", "postgres"])
def open_one(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same store anew at each call, in either kind of database."""
    if request.param == "sqlite":
        return lambda: open_store(tmp_path, sync="process")
    url: str = request.getfixturevalue("postgres")
    return lambda: open_store(url, artifacts=tmp_path, sync="process")


class Said:
    """What a worker says, to be waited for as long as it is at work."""

    task: asyncio.Task[None]

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = asyncio.Event()

    def __call__(self, text: str) -> None:
        self.lines.append(text)
        self._more.set()

    async def until(self, text: str, times: int = 1) -> None:
        await self.unless_over(self._told(text, times), f"{text!r}, {times} times")

    async def unless_over(self, waited: Coroutine[Any, Any, None], what: str) -> None:
        """Waits for that; a worker that has ended would be waited for without end."""
        waiting = asyncio.create_task(waited)
        await asyncio.wait({waiting, self.task}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            raise AssertionError(f"expected {what}; the worker ended: {self.task}, {self.lines}")
        await waiting

    async def _told(self, text: str, times: int) -> None:
        while sum(text in line for line in self.lines) < times:
            self._more.clear()
            await self._more.wait()


class Gate:
    """A tool that waits until it is opened, and counts."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.inside = self.most = 0
        self._entered = asyncio.Event()

    async def until_inside(self, count: int, said: Said) -> None:
        await said.unless_over(self._filled(count), f"{count} inside")

    async def _filled(self, count: int) -> None:
        while self.inside < count:
            self._entered.clear()
            await self._entered.wait()

    async def __call__(self) -> str:
        self.inside += 1
        self._entered.set()
        self.most = max(self.most, self.inside)
        try:
            await self.opened.wait()
        finally:
            self.inside -= 1
        return "through"


class LongLeases:
    """A queue whose leases end where a test ends them, however soon the worker renews its own."""

    def __init__(self, real: RunQueue) -> None:
        self._real = real
        self._renewals = 0
        self._more = threading.Condition()

    def renewed(self, times: int) -> bool:
        """Blocks until there were so many more renewals; False where they do not come."""
        with self._more:
            wanted = self._renewals + times
            return self._more.wait_for(lambda: self._renewals >= wanted, timeout=60)

    async def join(self, worker: str, *, lease_s: float) -> None:
        await self._real.join(worker, lease_s=600.0)

    async def renew(self, worker: str, *, lease_s: float) -> bool:
        running = await self._real.renew(worker, lease_s=600.0)
        with self._more:
            self._renewals += 1
            self._more.notify_all()
        return running

    async def claim(
        self, worker: str, *, limit: int, deaths: range = ANY_DEATHS
    ) -> Sequence[Claim]:
        return await self._real.claim(worker, limit=limit, deaths=deaths)

    async def leave(self, worker: str) -> None:
        await self._real.leave(worker)

    async def wait(self, timeout_s: float = 0.5) -> None:
        await self._real.wait(timeout_s)


def agent_with(store: Store, call: str, *tools: Any) -> Agent:
    replies = f"x = {call}\nanswer(f'{{x}}')\n"
    model = ScriptedModel(replies=lambda asked: replies)
    return Agent(model=model, tools=tools, store=store, origin="a.py:agent")


def gated(store: Store) -> tuple[Agent, Gate]:
    gate = Gate()

    @tool(effect="read")
    async def wait() -> str:
        """Waits."""
        return await gate()

    return agent_with(store, "wait()", wait), gate


@asynccontextmanager
async def working(
    store: Store,
    load: Callable[[str], Agent],
    *,
    at_once: int = 4,
    lease_s: float = 60.0,
    most_deaths: int = 3,
) -> AsyncGenerator[Said]:
    """A worker at work, cancelled at the end of the block."""
    said = Said()
    names = (f"w{number}" for number in count())
    said.task = asyncio.create_task(
        work(
            store,
            load,
            at_once=at_once,
            lease_s=lease_s,
            most_deaths=most_deaths,
            say=said,
            new_id=lambda: next(names),
        )
    )
    try:
        yield said
    finally:
        said.task.cancel()
        with suppress(asyncio.CancelledError):
            await said.task


async def test_so_many_at_once_and_then_the_others(open_one: Open) -> None:
    store = open_one()
    agent, gate = gated(store)
    runs = [await agent.submit("go") for _ in range(5)]
    async with working(store, lambda origin: agent, at_once=3) as said:
        await gate.until_inside(3, said)
        gate.opened.set()
        await said.until("answered", 5)
    assert gate.most == 3
    assert {run.run: run.status for run in await store.journal.runs()} == dict.fromkeys(
        runs, "answered"
    )
    await store.close()


async def test_a_worker_that_gives_up_releases_its_runs(open_one: Open) -> None:
    first, second = open_one(), open_one()
    agent, _ = gated(first)
    run = await agent.submit("go")
    async with working(first, lambda origin: agent) as said:
        await said.until("begun")
    assert said.lines[-1] == f"run {run}: released"
    agent, gate = gated(second)
    gate.opened.set()
    async with working(second, lambda origin: agent) as said:
        await said.until("answered")
    await first.close()
    await second.close()


@pytest.mark.parametrize("nested", [False, True], ids=["itself", "an agent of it"])
async def test_a_run_that_waits_is_let_go_of_and_goes_on_once_decided(
    open_one: Open, nested: bool
) -> None:
    store, person = open_one(), open_one()

    @tool(effect="once", approve=True)
    async def send(to: str) -> str:
        """Sends."""
        return f"sent to {to}"

    agent, node = agent_with(store, "send(to='Ann')", send), "x"
    if nested:
        agent, node = agent_with(store, "clerk(task='Send.')", agent.as_tool(name="clerk")), "x/x"
    waiting = await agent.submit("go")
    async with working(store, lambda origin: agent, at_once=1) as said:
        await said.until(f"{waiting}: the run waits for approval")
        later = await agent.submit("go")  # the only place is free again
        await said.until(f"{later}: the run waits for approval")
        await approve(person.journal, waiting, node)
        await said.until(f"{waiting}: answered")
    await store.close()
    await person.close()


async def test_what_cannot_go_on_fails_and_the_worker_does_not(open_one: Open) -> None:
    store = open_one()
    agent, gate = gated(store)
    gate.opened.set()

    @tool(effect="read")
    async def broken() -> str:
        """Fails."""
        raise ToolError("no")

    def load(origin: str) -> Agent:
        if origin == "gone.py:agent":
            raise UsageError("there is no file gone.py")
        if origin == "bad.py:agent":
            raise SyntaxError("never closed")
        return {"a.py:agent": agent, "b.py:agent": unmade}[origin]

    unmade = replace(agent_with(store, "broken()", broken), tools=["no_such_tool"])
    for origin in ("gone.py:agent", "bad.py:agent", "b.py:agent"):
        await replace(agent, origin=origin).submit("go")
    good = await agent.submit("go")
    async with working(store, load) as said:
        await said.until(f"{good}: answered")
        await said.until("Error", 3)
    listed = {run.run: run.status for run in await store.journal.runs()}
    assert sorted(listed.values()) == ["answered", "failed", "failed", "failed"]
    await queue(store).join("w", lease_s=60.0)
    assert [*await queue(store).claim("w", limit=9)] == []
    await store.close()


async def die(store: Store, *workers: str) -> None:
    """Workers that claim every run, one after the other, and give no more sign of life."""
    for name in workers:
        await queue(store).join(name, lease_s=60.0)
        await queue(store).claim(name, limit=99)
        await queue(store).renew(name, lease_s=0.0)


async def test_a_run_on_its_last_chance_is_begun_alone(open_one: Open) -> None:
    store = open_one()
    agent, gate = gated(store)
    for _ in range(3):
        await agent.submit("go")
    await die(store, "d0", "d1")
    fresh = await agent.submit("go")
    async with working(store, lambda origin: agent) as said:
        await gate.until_inside(1, said)
        gate.opened.set()
        await said.until("answered", 4)
    assert gate.most == 1
    assert [line for line in said.lines if "begun" in line][-1].startswith(f"run {fresh}: ")
    await store.close()


async def test_a_run_is_not_begun_after_too_many_deaths_but_can_be_resumed(open_one: Open) -> None:
    store = open_one()
    agent, gate = gated(store)
    gate.opened.set()
    run = await agent.submit("go")
    await die(store, "d0")
    async with working(store, lambda origin: agent, most_deaths=1) as said:
        await said.until(f"{run}: RunError: the last worker that carried this run on died")
    (ended,) = [event for event in await store.journal.events(run) if event.type == "run.ended"]
    assert (ended.data["status"], ended.data["kind"]) == ("failed", "RunError")
    assert (await agent.resume(run)).answer == "through"
    await store.close()


async def test_a_tool_that_blocks_the_loop_costs_no_lease(open_one: Open) -> None:
    store = open_one()
    leases = LongLeases(queue(store))
    renewed: list[bool] = []

    @tool(effect="read")
    async def block() -> str:
        """Blocks the event loop while the lease is renewed."""
        renewed.append(leases.renewed(2))
        return "done"

    agent = agent_with(store, "block()", block)
    await agent.submit("go")
    async with working(replace(store, queue=leases), lambda origin: agent, lease_s=0.3) as said:
        await said.until("answered")
    assert renewed == [True]
    assert not any("lease" in line for line in said.lines)
    await store.close()


async def test_a_lost_lease_drops_the_runs_and_begins_anew(open_one: Open) -> None:
    store, other = open_one(), open_one()
    agent, gate = gated(store)
    run = await agent.submit("go")
    leases = LongLeases(queue(store))
    async with working(replace(store, queue=leases), lambda origin: agent, lease_s=0.3) as said:
        await said.until("begun by w0")
        await queue(other).renew("w0", lease_s=0.0)
        await said.until("the lease of w0 is over")
        gate.opened.set()
        await said.until(f"{run}: answered")
    assert f"run {run}: begun by w1" in said.lines
    seqs = [event.seq for event in await store.journal.events(run)]
    assert seqs == list(range(1, len(seqs) + 1))
    await store.close()
    await other.close()


class Broken(LongLeases):
    """A queue that fails, once it may, in a way that no store should."""

    def __init__(self, real: RunQueue) -> None:
        super().__init__(real)
        self.may = threading.Event()

    async def renew(self, worker: str, *, lease_s: float) -> bool:
        self.may.wait(60)
        raise LookupError("no such lease")


async def test_a_worker_whose_renewal_is_broken_releases_its_runs_and_says_so(
    open_one: Open,
) -> None:
    store = open_one()
    agent, _ = gated(store)
    run = await agent.submit("go")
    leases = Broken(queue(store))
    heard: list[str] = []
    with pytest.raises(LookupError, match="no such lease"):
        async with working(replace(store, queue=leases), lambda origin: agent, lease_s=0.3) as said:
            heard = said.lines
            await said.until("begun by w0")
            leases.may.set()
            await asyncio.wait({said.task}, timeout=60)
    assert heard[-1] == f"run {run}: released"
    await queue(store).join("w", lease_s=60.0)
    assert [*await queue(store).claim("w", limit=1)] == [Claim(run)]
    await store.close()


async def test_what_no_worker_could_find_is_refused(tmp_path: Path) -> None:
    memory = open_store("memory")
    agent, _ = gated(memory)
    with pytest.raises(UsageError, match="no worker sees a store in memory"):
        await agent.submit("go")
    with pytest.raises(UsageError, match="workers need a store"):
        await work(memory, lambda origin: agent)
    await memory.close()
    nameless = Agent(model=ScriptedModel(replies=[]), store=tmp_path)
    with pytest.raises(UsageError, match=r"give it one, Agent\(origin="):
        await nameless.submit("go")
    with pytest.raises(UsageError, match=r"expected a time with its time zone; got 2026-12-24T18"):
        await replace(nameless, origin="a.py:agent").submit("go", at=datetime(2026, 12, 24, 18))  # noqa: DTZ001
