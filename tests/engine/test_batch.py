"""Calls that meet are made as one, and a lone one never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from agentkit.engine.limits import Limits
from agentkit.errors import ToolError
from agentkit.plan.graph import Map
from agentkit.testing.virtual_time import VirtualTimeLoop
from agentkit.tool import tool
from tests.engine.runs import Ref, call, scheduler

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Time jumps, so that nothing here waits."""
    return "asyncio", {"loop_factory": VirtualTimeLoop}


@dataclass(frozen=True)
class Job:
    """An item of a batch."""

    n: int
    late: bool = False


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_calls_of_nodes_and_maps_meet_and_get_their_own_results() -> None:
    batches: list[tuple[float, list[int]]] = []

    @tool(effect="pure", batch=4)
    async def square(jobs: Sequence[Job]) -> list[int]:
        """Notes its batches; each takes a second."""
        batches.append((now(), [job.n for job in jobs]))
        await asyncio.sleep(1)
        return [job.n * job.n for job in jobs]

    async with scheduler([square], inputs={"xs": [3, 4, 5, 6]}) as run:
        run.add([call("a", square, n=1), call("b", square, n=2)])
        body = (call("s", square, n=Ref("x")),)
        run.add([Map(id="m", over=Ref("xs"), var="x", body=body, value=Ref("s"))])
        await run.settled()
    assert batches == [(0.0, [1, 2, 3, 4]), (1.0, [5, 6])]
    assert run.outcomes["b"].value == 4
    assert run.outcomes["m"].value == [9, 16, 25, 36]


async def test_a_lone_call_does_not_wait_and_the_next_ones_gather_behind_it() -> None:
    batches: list[tuple[float, int]] = []

    @tool(effect="pure", batch=8)
    async def slow(jobs: Sequence[Job]) -> list[int]:
        """Notes its batches."""
        batches.append((now(), len(jobs)))
        await asyncio.sleep(2)
        return [job.n for job in jobs]

    @tool(effect="pure")
    async def pause(n: int) -> int:
        """A second."""
        await asyncio.sleep(1)
        return n

    async with scheduler([slow, pause]) as run:
        run.add([call("lone", slow, n=0)])
        run.add([call(f"p{i}", pause, n=i) for i in range(3)])
        run.add([call(f"s{i}", slow, n=Ref(f"p{i}")) for i in range(3)])
        await run.settled()
    assert batches == [(0.0, 1), (2.0, 3)]


async def test_an_item_fails_alone_and_a_bad_list_fails_them_all() -> None:
    @tool(effect="pure", batch=8)
    async def some(jobs: Sequence[Job]) -> list[int | ToolError]:
        """Refuses 2."""
        return [ToolError("not 2") if job.n == 2 else job.n for job in jobs]

    @tool(effect="pure", batch=8)
    async def short(jobs: Sequence[Job]) -> list[int]:
        """Forgets one."""
        return [1]

    async with scheduler([some, short]) as run:
        run.add([call(f"n{i}", some, n=i) for i in range(4)])
        run.add([call(f"s{i}", short, n=i) for i in range(2)])
        await run.settled()
    assert [run.outcomes[f"n{i}"].value for i in range(4)] == [0, 1, None, 3]
    assert run.outcomes["n2"].failure is not None
    assert run.outcomes["n2"].failure.message == "not 2"
    for i in range(2):
        failure = run.outcomes[f"s{i}"].failure
        assert failure is not None
        assert (failure.kind, failure.message) == ("WrongType", "short: expected 2 results; came 1")


async def test_the_time_limit_is_of_the_call_and_not_of_the_turn() -> None:
    @tool(effect="pure", batch=1, timeout_s=3)
    async def one(jobs: Sequence[Job]) -> list[int]:
        """Two seconds, or far too long."""
        await asyncio.sleep(100 if jobs[0].late else 2)
        return [jobs[0].n]

    async with scheduler([one]) as run:
        run.add([call(f"n{i}", one, n=i) for i in range(4)] + [call("late", one, n=9, late=True)])
        await run.settled()
    assert [run.outcomes[f"n{i}"].value for i in range(4)] == [0, 1, 2, 3]
    assert run.outcomes["late"].status == "failed"
    assert now() == pytest.approx(4 * 2 + 3)


async def test_a_removed_call_leaves_its_batch() -> None:
    seen: list[int] = []

    @tool(effect="pure", batch=1)
    async def one(jobs: Sequence[Job]) -> list[int]:
        """Notes its items."""
        seen.extend(job.n for job in jobs)
        await asyncio.sleep(1)
        return [job.n for job in jobs]

    async with scheduler([one]) as run:
        run.add([call(f"n{i}", one, n=i) for i in range(3)])
        await asyncio.sleep(0.5)
        run.remove(["n1"])
        await run.settled()
    assert seen == [0, 2]


async def test_sync_batches_run_in_a_thread() -> None:
    @tool(effect="pure", batch=8)
    def sync(jobs: Sequence[Job]) -> list[int]:
        """A plain function."""
        return [-job.n for job in jobs]

    async with scheduler([sync]) as run:
        run.add([call(f"n{i}", sync, n=i) for i in range(3)])
        await run.settled()
    assert [run.outcomes[f"n{i}"].value for i in range(3)] == [0, -1, -2]


async def test_a_batch_that_nobody_waits_for_is_stopped_before_its_places_are_given_away() -> None:
    at_work: list[str] = []

    @tool(effect="read", batch=4)
    async def slow(jobs: Sequence[Job]) -> list[int]:
        """Takes a second, and a moment to stop."""
        at_work.append("slow")
        try:
            await asyncio.sleep(1)
        finally:
            await asyncio.sleep(0.1)
            at_work.remove("slow")
        return [job.n for job in jobs]

    @tool(effect="read")
    async def alone() -> int:
        """Must be the only one."""
        assert at_work == []
        return 1

    async with scheduler([slow, alone], limits=Limits(parallel=1)) as run:
        run.add([call("s", slow, n=1), call("a", alone)])
        await asyncio.sleep(0.5)
        run.remove(["s"])
        await run.settled()
        assert (run.outcomes["a"].value, now()) == (1, 0.6)
