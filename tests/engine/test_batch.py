"""Calls that meet are made as one, and a lone one never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from agentkit.engine.limits import Limits
from agentkit.errors import ToolError
from agentkit.plan.graph import Map
from agentkit.testing.virtual_time import VirtualTimeLoop
from agentkit.tool import tool
from tests.engine.runs import Job, Ref, call, now, scheduler

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Time jumps, so that nothing here waits."""
    return "asyncio", {"loop_factory": VirtualTimeLoop}


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


async def test_one_poisoned_item_of_64_fails_alone_though_the_function_raises() -> None:
    sizes: list[int] = []

    @tool(effect="pure", batch=64)
    async def square(jobs: Sequence[Job]) -> list[int]:
        """Chokes on 40."""
        sizes.append(len(jobs))
        if any(job.n == 40 for job in jobs):
            raise ValueError("a picture that is none")
        return [job.n * job.n for job in jobs]

    async with scheduler([square], inputs={"xs": [*range(64)]}) as run:
        body = (call("s", square, n=Ref("x")),)
        run.add([Map(id="m", over=Ref("xs"), var="x", body=body, value=Ref("s"))])
        await run.settled()
    ends = [run.outcomes[f"m[{i}].s"] for i in range(64)]
    assert [end.value for end in ends] == [None if n == 40 else n * n for n in range(64)]
    failure = ends[40].failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("ValueError", "a picture that is none")
    assert sizes == [64, 32, 32, 16, 8, 8, 4, 2, 1, 1, 2, 4, 16], "in halves"


async def test_a_rate_is_kept_where_halves_and_new_calls_want_the_same_turn() -> None:
    starts: list[float] = []

    @tool(effect="read", batch=2, concurrency=2, rate_per_s=1)
    async def look(jobs: Sequence[Job]) -> list[int]:
        """Chokes on two at once, after a while."""
        starts.append(now())
        await asyncio.sleep(0.5)
        if len(jobs) > 1:
            raise ValueError("one at a time")
        return [job.n for job in jobs]

    async with scheduler([look]) as run:
        run.add([call("a", look, n=1), call("b", look, n=2)])
        await asyncio.sleep(0.4)
        run.add([call("c", look, n=3)])
        await run.settled()
    assert [run.outcomes[name].value for name in "abc"] == [1, 2, 3]
    assert starts == pytest.approx([0, 1, 2, 3])


async def test_what_must_not_be_repeated_or_comes_again_anyway_is_not_made_in_halves() -> None:
    sizes: list[int] = []

    @tool(effect="once", batch=8)
    async def send(jobs: Sequence[Job]) -> list[int]:
        """Sends, and hears of a failure."""
        sizes.append(len(jobs))
        raise ValueError("nothing was sent")

    async with scheduler([send]) as run:
        run.add([call(f"n{i}", send, n=i) for i in range(8)])
        await run.settled()
    assert sizes == [8]
    assert {end.status for end in run.outcomes.values()} == {"failed"}


async def test_only_what_has_one_shape_is_gathered_and_shapes_take_turns() -> None:
    batches: list[list[int]] = []

    @tool(effect="pure", batch=2, batch_key=lambda job: 10 // job.n)
    async def shape(jobs: Sequence[Job]) -> list[int]:
        """Notes its batches."""
        batches.append([job.n for job in jobs])
        return [job.n for job in jobs]

    async with scheduler([shape]) as run:
        run.add([call(f"n{i}", shape, n=n) for i, n in enumerate([5, 1, 4, 1, 1, 0])])
        await run.settled()
    assert batches == [[5, 4], [1, 1], [1]]
    failure = run.outcomes["n5"].failure
    assert failure is not None and failure.kind == "ZeroDivisionError"
