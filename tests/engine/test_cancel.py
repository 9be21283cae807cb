"""Cancelling: nothing starts any more, what had started gets its one outcome."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agentkit.errors import RunCancelled
from agentkit.events import EventType
from agentkit.plan.graph import Map
from agentkit.tool import tool
from agentkit.types import Json
from tests.engine.runs import Log, Ref, call, scheduler

pytestmark = pytest.mark.anyio


@tool(effect="pure")
async def same(n: int) -> int:
    """The same number."""
    return n


@tool(effect="read")
async def hang(n: int = 0) -> int:
    """Never ends by itself."""
    await asyncio.get_running_loop().create_future()
    return n


class Starts(Log):
    """A log that one can wait for: until so many nodes have started."""

    def __init__(self) -> None:
        super().__init__()
        self._started = asyncio.Semaphore(0)

    def __call__(self, kind: EventType, node: str | None, data: Mapping[str, Json]) -> None:
        super().__call__(kind, node, data)
        if kind == "node.started":
            self._started.release()

    async def begun(self, count: int) -> None:
        for _ in range(count):
            await self._started.acquire()


async def test_what_runs_ends_cancelled_and_the_rest_never_starts() -> None:
    log = Starts()
    async with scheduler([same, hang], log, inputs={"xs": [1, 2]}) as run:
        run.add([call("a", same, n=1), call("h", hang), call("b", same, n=Ref("h"))])
        run.add(
            [
                Map(
                    id="m",
                    over=Ref("xs"),
                    var="x",
                    body=(call("w", hang, n=Ref("x")),),
                    value=Ref("w"),
                )
            ]
        )
        await log.begun(5)
        waiting = asyncio.ensure_future(run.settled())
        await asyncio.sleep(0)
        run.cancel()
        with pytest.raises(RunCancelled):
            await waiting
        with pytest.raises(RunCancelled):
            run.add([call("c", same, n=1)])
    assert {name: end.status for name, end in run.outcomes.items()} == {
        "a": "value",
        "h": "cancelled",
        "m": "cancelled",
        "m[0].w": "cancelled",
        "m[1].w": "cancelled",
    }
    assert sorted(str(name) for name in log.nodes("node.ended")) == sorted(run.outcomes)


async def test_a_call_that_was_only_about_to_start_has_no_events() -> None:
    log = Log()
    async with scheduler([same], log) as run:
        run.add([call("a", same, n=1)])
        run.cancel()
    assert log.events == []
    assert run.outcomes == {}


async def test_leaving_the_block_cancels_what_runs() -> None:
    log, before = Starts(), asyncio.all_tasks()
    run = scheduler([hang], log)
    with pytest.raises(ZeroDivisionError):
        async with run:
            run.add([call("h", hang)])
            await log.begun(1)
            raise ZeroDivisionError
    assert run.outcomes["h"].status == "cancelled"
    assert asyncio.all_tasks() == before


async def test_cancelling_the_task_around_it_cancels_the_nodes() -> None:
    log = Starts()

    async def whole() -> None:
        async with scheduler([hang], log) as run:
            run.add([call("h", hang)])
            await run.settled()

    task = asyncio.ensure_future(whole())
    await log.begun(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log.kinds("h") == ["node.started", "node.ended"]
    assert log.events[-1][2]["status"] == "cancelled"


async def test_a_tool_that_cancels_itself_has_failed() -> None:
    @tool(effect="read")
    async def odd() -> int:
        """Raises what only the loop should."""
        raise asyncio.CancelledError

    async with scheduler([odd]) as run:
        run.add([call("o", odd)])
        await run.settled()
    assert run.outcomes["o"].status == "failed"


async def test_a_thread_that_goes_on_is_let_alone_and_its_result_dropped() -> None:
    entered, leave = threading.Event(), threading.Event()
    at_work: list[threading.Thread] = []

    @tool(effect="read")
    def block() -> str:
        """Blocks until the test says so."""
        at_work.append(threading.current_thread())
        entered.set()
        leave.wait()
        return "late"

    log = Log()
    async with scheduler([block], log) as run:
        run.add([call("b", block)])
        await asyncio.to_thread(entered.wait)
        run.cancel()
        assert run.outcomes["b"].status == "cancelled"
    leave.set()
    at_work[0].join(60)  # while the loop stands still: it may as well have ended before the call
    assert not at_work[0].is_alive()
    assert log.kinds("b") == ["node.started", "node.ended"]


async def test_a_removed_node_frees_its_place_only_when_its_thread_ends() -> None:
    entered, leave = threading.Event(), threading.Event()

    @tool(effect="read", concurrency=1)
    def block(first: bool) -> str:
        """The first call blocks until the test says so."""
        if first:
            entered.set()
            leave.wait()
        return "done"

    log = Log()
    async with scheduler([block, same], log) as run:
        run.add([call("a", block, first=True)])
        await asyncio.to_thread(entered.wait)
        run.remove(["a"])
        run.add([call("b", block, first=False)])
        for turn in range(5):
            run.add([call(f"other{turn}", same, n=turn)])
            await run.settled([f"other{turn}"])
        assert "b" not in log.nodes("node.started")
        leave.set()
        await run.settled()
    assert run.outcomes["b"].value == "done"


async def test_a_call_that_is_cancelled_just_when_its_thread_ends_frees_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    soon, told = loop.call_soon_threadsafe, threading.Event()

    def call_soon(callback: Callable[..., Any], *args: Any, context: Any = None) -> asyncio.Handle:
        handle = soon(callback, *args, context=context)
        if callback is not remove:
            told.set()
        return handle

    def remove() -> None:
        told.wait()  # the end of the thread is in the loop's queue, behind this
        run.remove(["a"])

    @tool(effect="read", concurrency=1)
    def last(n: int) -> int:
        """The first call has itself removed while it returns."""
        if n == 0:
            call_soon(remove)
        return n

    monkeypatch.setattr(loop, "call_soon_threadsafe", call_soon)
    async with scheduler([last]) as run:
        run.add([call("a", last, n=0), call("b", last, n=1)])
        async with asyncio.timeout(60):
            await run.settled(["b"])
    assert run.outcomes["b"].value == 1


async def test_no_timer_outlives_a_run_that_waited_for_a_rate() -> None:
    @tool(effect="read", rate_per_s=0.001)
    async def rare(n: int) -> int:
        """Once in a quarter of an hour."""
        return n

    run = scheduler([rare])
    async with run:
        run.add([call("a", rare, n=1), call("b", rare, n=2)])
        await run.settled(["a"])
    held = weakref.ref(run)
    del run
    gc.collect()
    assert held() is None
