"""Several that write one run: one of them goes on, the others are told, and nobody is shut out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from agentkit import Agent, decide, open_store, tool
from agentkit.agent import new_run_id
from agentkit.errors import RunPaused, RunTaken, StoreError, UsageError
from agentkit.events import Event
from agentkit.messages import Message, Request, Text
from agentkit.planners import Fixed
from agentkit.record import Recorder
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from agentkit.tool import Context
from tests.telemetry.told import Told

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    opened = open_store("memory" if request.param == "memory" else tmp_path, sync="process")
    yield opened
    await opened.close()


@tool(effect="once", approve=True)
async def pay(n: int) -> int:
    """Pays."""
    return n


class Gate:
    """A tool that waits until it is let through."""

    def __init__(self) -> None:
        self.entered, self.opened = asyncio.Event(), asyncio.Event()
        self.calls = 0

    async def __call__(self, n: int) -> int:
        self.calls += 1
        self.entered.set()
        await self.opened.wait()
        return n


def agent_of(store: Store, plan: str, gate: Gate, *, run: str = "r") -> Agent:
    @tool(effect="read")
    async def wait(n: int) -> int:
        """Waits."""
        return await gate(n)

    planner = Fixed(plan)
    return Agent(
        model=ScriptedModel(), planner=planner, tools=[pay, wait], store=store, new_id=lambda: run
    )


PAYMENTS = "a = pay(n=1)\nb = pay(n=2)\nanswer(f'{a} {b}')"
WAITS = "a = wait(n=1)\nanswer(f'{a}')"


async def begun(store: Store, plan: str) -> None:
    """Run `r`, paused at its questions."""
    with pytest.raises(RunPaused):
        await agent_of(store, plan, Gate()).run("t")


async def numbers(store: Store) -> list[int]:
    return [event.seq for event in await store.journal.events("r")]


async def test_two_decisions_at_once_are_both_taken(store: Store) -> None:
    await begun(store, PAYMENTS)
    await asyncio.gather(*(decide.approve(store.journal, "r", node) for node in "ab"))
    assert (await agent_of(store, PAYMENTS, Gate()).resume("r")).answer == "1 2"
    found = await numbers(store)
    assert found == [*range(1, len(found) + 1)]


async def test_two_decisions_about_one_call_are_one(store: Store) -> None:
    await begun(store, PAYMENTS)
    deciding = (
        decide.approve(store.journal, "r", "a"),
        decide.deny(store.journal, "r", "a"),
    )
    done = await asyncio.gather(*deciding, return_exceptions=True)
    (told,) = [one for one in done if one is not None]
    assert isinstance(told, UsageError)
    assert "waits for no approval" in str(told)
    await decide.approve(store.journal, "r", "b")


async def test_two_processes_may_decide_at_once(tmp_path: Path) -> None:
    stores = [open_store(tmp_path, sync="process") for _ in range(2)]
    await begun(stores[0], PAYMENTS)
    at_once = zip(stores, "ab", strict=True)
    await asyncio.gather(*(decide.approve(each.journal, "r", node) for each, node in at_once))
    for each in stores:
        assert (await agent_of(each, PAYMENTS, Gate()).resume("r")).answer == "1 2"
        await each.close()


async def test_of_two_that_resume_at_once_one_goes_on(store: Store) -> None:
    plan, gate = "a = pay(n=1)\nb = wait(n=a)\nanswer(f'{a} {b}')", Gate()
    await begun(store, plan)
    await decide.approve(store.journal, "r", "a")
    agent = agent_of(store, plan, gate)
    both = [asyncio.create_task(agent.resume("r")) for _ in range(2)]
    (told,), (on,) = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    with pytest.raises(RunTaken, match="run r is carried on"):
        await told
    gate.opened.set()
    assert (await on).answer == "1 1"
    assert (await agent.resume("r")).answer == "1 1"


async def test_a_run_that_goes_on_here_is_not_resumed(store: Store) -> None:
    gate = Gate()
    agent = agent_of(store, WAITS, gate)
    running = asyncio.create_task(agent.run("t"))
    await gate.entered.wait()
    for _ in range(2):
        with pytest.raises(RunTaken, match="carried on in this process already") as taken:
            await agent.resume("r")
        assert taken.value.run_id == "r"
    gate.opened.set()
    assert (await running).answer == "1"
    assert gate.calls == 1


async def test_who_takes_a_run_over_goes_on_and_the_former_is_told(tmp_path: Path) -> None:
    """As when a process that was taken for dead comes back. Both stores are written again later."""
    former, later = (open_store(tmp_path, sync="process") for _ in range(2))
    gates = Gate(), Gate()
    gates[1].opened.set()
    agents = [
        agent_of(each, WAITS, gate) for each, gate in zip((former, later), gates, strict=True)
    ]

    async def follow() -> list[Event]:
        return [event async for event in agents[0].stream("t")]

    following = asyncio.create_task(follow())
    await gates[0].entered.wait()
    await former.journal.flush()  # what is not on disk yet would be in the other's way
    assert (await agents[1].resume("r")).answer == "1"
    gates[0].opened.set()
    with pytest.raises(RunTaken, match="somebody else"):
        await following
    for agent in agents:
        assert (await agent.resume("r")).answer == "1"
    for each in (former, later):
        await each.close()


async def test_the_one_of_two_resumes_that_goes_on_is_traced(store: Store) -> None:
    told = Told()
    plan, gate = "a = pay(n=1)\nanswer(f'{a}')", Gate()
    await begun(store, plan)
    await decide.approve(store.journal, "r", "a")
    agent = agent_of(told.store(store), plan, gate)
    await asyncio.gather(*(agent.resume("r") for _ in range(2)), return_exceptions=True)
    assert told.one("execute_tool pay").parent == told.one("invoke_agent agent").context


async def test_a_tail_that_comes_after_the_only_writer_was_refused_ends(tmp_path: Path) -> None:
    store = open_store(tmp_path, sync="process")
    recorder = Recorder("r", store.journal, lambda: 0.0)
    recorder.record("run.created", data={"task": "t"})
    await recorder.flush()
    recorder.record("node.started", "n", {"args": object()})  # type: ignore[dict-item]
    for _ in range(2):
        with pytest.raises(StoreError, match="not plain JSON"):
            async for _ in store.journal.tail("r"):
                pass
    await store.close()


async def test_a_run_of_the_same_id_does_not_end_the_first(store: Store) -> None:
    gate = Gate()
    agent = agent_of(store, WAITS, gate)
    running = asyncio.create_task(agent.run("first"))
    await gate.entered.wait()
    with pytest.raises(RunTaken):
        await agent.run("second")
    gate.opened.set()
    assert (await running).task == "first"
    assert (await agent.resume("r")).task == "first"


def test_runs_that_begin_together_have_ids_of_their_own() -> None:
    assert len({new_run_id() for _ in range(20_000)}) == 20_000


class Late:
    """A sync tool that asks the model when nobody waits for it any more."""

    def __init__(self) -> None:
        self.entered, self.opened, self.over = (threading.Event() for _ in range(3))
        self.error: BaseException | None = None

    def __call__(self, context: Context) -> str:
        self.entered.set()
        self.opened.wait(10)
        try:
            return asyncio.run(self.ask(context))
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.over.set()

    async def ask(self, context: Context) -> str:
        request = Request(messages=(Message("user", "hi"),), purpose="x")
        deltas = [delta async for delta in context.model.stream(request)]
        return "".join(delta.text for delta in deltas if isinstance(delta, Text))


def late_agent(store: Store, late: Late, timeout_s: float | None = None) -> Agent:
    @tool(effect="read", timeout_s=timeout_s)
    def ask(context: Context) -> str:
        """Asks."""
        return late(context)

    planner, model = Fixed("a = ask()\nanswer('done')"), ScriptedModel(replies=["hello"] * 2)
    return Agent(model=model, planner=planner, tools=[ask], store=store, new_id=lambda: "r")


async def test_a_tool_that_was_abandoned_writes_nothing_after_the_end(store: Store) -> None:
    late = Late()
    run = await late_agent(store, late, timeout_s=0.01).run("t")
    assert run.outcomes["a"].status == "failed"
    before = await store.journal.events("r")
    late.opened.set()
    await asyncio.to_thread(late.over.wait)
    assert isinstance(late.error, StoreError)
    assert "abandoned" in str(late.error)
    assert await store.journal.events("r") == before
    assert [event async for event in store.journal.tail("r")] == before


async def test_a_tool_of_a_cancelled_run_writes_nothing_into_the_resumed_one(store: Store) -> None:
    former, later = Late(), Late()
    running = asyncio.create_task(late_agent(store, former).run("t"))
    await asyncio.to_thread(former.entered.wait)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    resumed = asyncio.create_task(late_agent(store, later).resume("r"))
    await asyncio.to_thread(later.entered.wait)
    former.opened.set()
    await asyncio.to_thread(former.over.wait)
    assert isinstance(former.error, StoreError)
    later.opened.set()
    assert (await resumed).outcomes["a"].value == "hello"
    called = [event for event in await store.journal.events("r") if event.type == "model.called"]
    assert len(called) == 1
