"""Attempts: retries, time limits, rates and bounds, in virtual time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from agentkit.engine.limits import Limits
from agentkit.errors import ModelError, ToolError, UsageError
from agentkit.events import EventType
from agentkit.plan.graph import Map
from agentkit.testing.virtual_time import VirtualTimeLoop
from agentkit.tool import Retry, Tool, tool
from agentkit.types import Effect, Json
from tests.engine.runs import Log, Ref, call, scheduler

pytestmark = pytest.mark.anyio

RETRY = Retry(attempts=3, first_s=1.0, most_s=8.0)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Time jumps, so that nothing here waits."""
    return "asyncio", {"loop_factory": VirtualTimeLoop}


def now() -> float:
    return asyncio.get_running_loop().time()


def failing(error: Exception, times: int, effect: Effect = "read") -> tuple[list[float], Tool]:
    """A tool that fails so many times, and when it was called."""
    calls: list[float] = []

    @tool(name="flaky", effect=effect, retry=RETRY)
    async def flaky() -> str:
        """Fails, then works."""
        calls.append(now())
        if len(calls) <= times:
            raise error
        return "at last"

    return calls, flaky


async def test_a_retryable_error_is_tried_again_after_a_wait() -> None:
    log = Log()
    calls, flaky = failing(ToolError("busy", retryable=True), 2)
    async with scheduler([flaky], log) as run:
        run.add([call("f", "flaky")])
        await run.settled()
    end = run.outcomes["f"]
    assert (end.value, end.attempts, len(calls)) == ("at last", 3, 3)
    retried = [data for kind, _, data in log.events if kind == "node.retried"]
    assert [data["attempt"] for data in retried] == [1, 2]
    assert retried[0]["error"] == "ToolError: busy"
    waits = [float(str(data["wait_s"])) for data in retried]
    assert calls[2] == pytest.approx(sum(waits)) and 0 < sum(waits) <= 1 + 2


@pytest.mark.parametrize(
    ("error", "effect", "attempts"),
    [
        (ToolError("no"), "read", 1),
        (ToolError("busy", retryable=True), "write", 3),
        (ToolError("busy", retryable=True), "once", 1),
        (ConnectionResetError("gone"), "read", 3),
        (ConnectionResetError("gone"), "write", 1),
        (FileNotFoundError("nowhere"), "read", 1),
        (TimeoutError("slow"), "pure", 3),
        (ValueError("odd"), "read", 1),
    ],
)
async def test_only_what_may_help_and_cannot_harm_is_tried_again(
    error: Exception, effect: Effect, attempts: int
) -> None:
    calls, flaky = failing(error, 99, effect)
    async with scheduler([flaky]) as run:
        run.add([call("f", "flaky")])
        await run.settled()
    end = run.outcomes["f"]
    assert (end.status, end.attempts, len(calls)) == ("failed", attempts, attempts)
    assert end.failure is not None and end.failure.kind == type(error).__name__


async def test_a_server_that_says_when_is_asked_then() -> None:
    calls, flaky = failing(ModelError("busy", retryable=True, retry_after_s=30.0), 1)
    async with scheduler([flaky]) as run:
        run.add([call("f", "flaky")])
        await run.settled()
    assert calls[1] >= 30.0


async def test_an_attempt_that_takes_too_long_is_cut_and_tried_again() -> None:
    calls: list[float] = []

    @tool(effect="read", timeout_s=2.0, retry=RETRY)
    async def slow() -> str:
        """Hangs the first time."""
        calls.append(now())
        if len(calls) == 1:
            await asyncio.get_running_loop().create_future()
        return "ok"

    async with scheduler([slow]) as run:
        run.add([call("s", slow)])
        await run.settled()
    assert run.outcomes["s"].value == "ok"
    assert calls[1] >= 2.0


BOUNDS = pytest.mark.parametrize("bounds", [{"concurrency": 1}, {"resources": {"gpu": 1}}])


@BOUNDS
async def test_a_bounded_tool_is_never_tried_beside_a_thread_that_hangs(bounds: Any) -> None:
    at_work: list[int] = []
    hung = threading.Event()

    @tool(effect="read", timeout_s=2.0, retry=RETRY, **bounds)
    def slow() -> str:
        """Hangs for ever."""
        at_work.append(1)
        hung.wait()
        return "ok"

    async with scheduler([slow]) as run:
        run.add([call("s", slow)])
        await run.settled()
        hung.set()
    end = run.outcomes["s"]
    assert end.failure is not None and end.failure.kind == "TimedOut"
    assert (end.attempts, at_work in ([], [1])) == (1, True), "time jumps: it may not have begun"


@BOUNDS
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_bounded_tool_is_tried_again_once_its_thread_has_ended(bounds: Any) -> None:
    hung, tries = threading.Event(), Retry(attempts=3, first_s=0.0)
    at_work: list[int] = []

    @tool(effect="read", timeout_s=1.0, retry=tries, **bounds)
    def slow() -> str:
        """Takes too long at first."""
        at_work.append(1)
        hung.wait()
        return "ok" if len(at_work) == 2 else "too late"

    class Releases(Log):
        def __call__(self, kind: EventType, node: str | None, data: Mapping[str, Json]) -> None:
            super().__call__(kind, node, data)
            if kind == "node.retried":
                hung.set()

    async with scheduler([slow], Releases()) as run:
        run.add([call("s", slow)])
        await run.settled()
    assert (run.outcomes["s"].value, run.outcomes["s"].attempts) == ("ok", 2)


async def test_many_attempts_wait_no_longer_than_the_longest_wait() -> None:
    calls: list[float] = []

    @tool(effect="read", retry=Retry(attempts=1100, first_s=1.0, most_s=8.0))
    async def busy() -> None:
        """Is always busy."""
        calls.append(now())
        raise ToolError("busy", retryable=True)

    async with scheduler([busy]) as run:
        run.add([call("b", busy)])
        await run.settled()
    end = run.outcomes["b"]
    assert end.failure is not None and end.failure.message == "busy"
    assert (end.attempts, len(calls)) == (1100, 1100)
    assert max(later - sooner for sooner, later in pairwise(calls)) <= 8.0


async def test_a_time_limit_names_the_tool_and_the_seconds() -> None:
    @tool(effect="read", timeout_s=2.0)
    async def slow() -> str:
        """Hangs."""
        await asyncio.get_running_loop().create_future()
        return "never"

    async with scheduler([slow]) as run:
        run.add([call("s", slow)])
        await run.settled()
    end = run.outcomes["s"]
    assert end.status == "failed" and end.seconds == 2.0 and end.failure is not None
    assert end.failure.message == "slow: no result within 2 s, its timeout_s"


class Gauge:
    """How many are inside at once, at most."""

    def __init__(self) -> None:
        self.inside = self.most = 0

    async def stay(self, seconds: float) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(seconds)
        self.inside -= 1


async def test_bounds_of_tools_resources_and_the_run_hold() -> None:
    one, two, gpu, every = Gauge(), Gauge(), Gauge(), Gauge()

    @tool(effect="read", concurrency=1)
    async def single(n: int) -> int:
        """One at a time."""
        await asyncio.gather(one.stay(1), every.stay(1))
        return n

    @tool(effect="read", concurrency=2, resources={"gpu": 1})
    async def pair(n: int) -> int:
        """Two at a time, each on a device."""
        await asyncio.gather(two.stay(1), gpu.stay(1), every.stay(1))
        return n

    @tool(effect="read", resources={"gpu": 1})
    async def device(n: int) -> int:
        """As many as there are devices."""
        await asyncio.gather(gpu.stay(1), every.stay(1))
        return n

    tools = [single, pair, device]
    async with scheduler(tools, limits=Limits(parallel=4, resources={"gpu": 3})) as run:
        run.add([call(f"{each.name}{n}", each, n=n) for each in tools for n in range(6)])
        await run.settled()
    assert all(end.ok for end in run.outcomes.values())
    assert (one.most, two.most, gpu.most, every.most) == (1, 2, 3, 4)
    assert now() == pytest.approx(6.0)  # six singles in a row; the others beside them


async def test_a_rate_is_kept_in_every_second_and_spent_at_once() -> None:
    starts: list[float] = []

    @tool(effect="read", rate_per_s=2)
    async def ask(n: int) -> int:
        """Notes when it is called."""
        starts.append(now())
        return n

    body = (call("a", ask, n=Ref("x")),)
    async with scheduler([ask], inputs={"xs": list(range(5))}) as run:
        run.add([Map(id="m", over=Ref("xs"), var="x", body=body, value=Ref("a"))])
        await run.settled()
    assert starts == pytest.approx([0, 0, 1, 1, 2])


async def test_the_longest_remaining_path_starts_first_under_a_limit() -> None:
    order: list[int] = []

    @tool(effect="read", concurrency=1)
    async def step(n: int, after: int = 0) -> int:
        """Notes its turn."""
        order.append(n)
        await asyncio.sleep(1)
        return n

    async with scheduler([step]) as run:
        run.add([call("s1", step, n=1), call("s2", step, n=2)])
        run.add([call("c1", step, n=10), call("c2", step, n=11, after=Ref("c1"))])
        run.add([call("c3", step, n=12, after=Ref("c2"))])
        await run.settled()
    assert order == [1, 10, 11, 2, 12]


async def test_a_tool_that_needs_more_than_there_is_is_refused() -> None:
    @tool(effect="read", resources={"gpu": 2})
    async def big() -> int:
        """Needs two devices."""
        return 1

    with pytest.raises(UsageError, match=r"'big' needs 2 of 'gpu' and there is 1"):
        scheduler([big])


class Unreadable(ToolError):
    def __str__(self) -> str:
        raise KeyError("response")


async def test_an_error_that_cannot_say_what_it_is_fails_its_call_alone() -> None:
    log = Log()
    calls, flaky = failing(Unreadable("busy", retryable=True), 3)
    async with scheduler([flaky], log) as run:
        run.add([call("f", "flaky")])
        await run.settled()
    failure = run.outcomes["f"].failure
    assert failure is not None and len(calls) == 3
    assert failure.message == "Unreadable; its message is lost to KeyError"
