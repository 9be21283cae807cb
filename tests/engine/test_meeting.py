"""Where calls meet, runs share: resources, threads, and each other's company."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextvars import ContextVar
from random import Random
from typing import Any

import pytest

from agentkit.engine.limits import Limits
from agentkit.errors import ToolError, UsageError
from agentkit.testing.virtual_time import VirtualTimeLoop
from agentkit.tool import Tool, tool
from tests.engine.runs import Job, Ref, call, now, scheduler

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Time jumps, so that nothing here waits."""
    return "asyncio", {"loop_factory": VirtualTimeLoop}


async def test_calls_that_take_turns_on_a_resource_are_gathered_all_the_same() -> None:
    sizes: list[int] = []
    at_work: list[str] = []

    @tool(effect="pure", batch=4, resources={"gpu": 1}, expected_s=1)
    async def embed(jobs: Sequence[Job]) -> list[int]:
        """A second a batch."""
        at_work.append("embed")
        sizes.append(len(jobs))
        assert at_work == ["embed"]
        await asyncio.sleep(1)
        at_work.remove("embed")
        return [job.n for job in jobs]

    @tool(effect="pure", resources={"gpu": 1}, expected_s=5)
    async def draw(late: float) -> float:
        """What the run waits for longest."""
        at_work.append("draw")
        assert at_work == ["draw"]
        await asyncio.sleep(5)
        at_work.remove("draw")
        return now()

    @tool(effect="read")
    async def later() -> float:
        """Not yet."""
        await asyncio.sleep(1.5)
        return now()

    async with scheduler([embed, draw, later], limits=Limits(parallel=9)) as run:
        run.add([call(f"n{i}", embed, n=i) for i in range(40)])
        run.add([call("l", later), call("d", draw, late=Ref("l"))])
        await run.settled()
    assert all(end.ok for end in run.outcomes.values())
    assert sizes[:2] == [4, 4] and sum(sizes) == 40
    drawn = run.outcomes["d"].value
    assert isinstance(drawn, float) and drawn < 1.5 + 3 * 1 + 5.1, "it does not wait for all 40"


async def test_batches_at_once_need_a_resource_each() -> None:
    @tool(effect="pure", batch=4, concurrency=2, resources={"gpu": 1})
    async def embed(jobs: Sequence[Job]) -> list[int]:
        """Gives the numbers."""
        return [job.n for job in jobs]

    with pytest.raises(UsageError, match="needs 2 of 'gpu' for 2 batches at once and there is 1"):
        scheduler([embed])
    async with scheduler([embed], limits=Limits(resources={"gpu": 2})) as run:
        run.add([call("n", embed, n=7)])
        await run.settled()
    assert run.outcomes["n"].value == 7


@pytest.mark.parametrize("beside", ["stubborn", "other"])
async def test_nothing_starts_beside_a_thread_that_was_given_up(beside: str) -> None:
    at_work, most = 0, 0
    begun, hung = threading.Event(), threading.Event()
    before = {*threading.enumerate()}  # one of another test may be about to end

    @tool(effect="pure", batch=1, timeout_s=1, resources={"gpu": 1})
    def stubborn(jobs: Sequence[Job]) -> list[int]:
        """Hangs where it is late."""
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        begun.set()
        if jobs[0].late:
            hung.wait()
        at_work -= 1
        return [jobs[0].n]

    @tool(effect="pure", resources={"gpu": 1})
    async def other(n: int) -> int:
        """Also needs the device."""
        nonlocal most
        most = max(most, at_work + 1)
        return n

    async with scheduler([stubborn, other]) as run:
        run.add([call("late", stubborn, n=0, late=True)])
        await run.settled(["late"])
        run.add([call("next", beside, n=1)])
        begun.wait()
        await asyncio.sleep(9)
        new = {*threading.enumerate()} - before
        threads = [one for one in new if one.name == "agentkit tool"]
        hung.set()
        await run.settled()
    assert len(threads) == 1
    assert run.outcomes["late"].status == "failed"
    assert most == 1


_WHO: ContextVar[str] = ContextVar("who", default="nobody")


async def test_runs_meet_in_a_batch_made_as_its_oldest_call_and_one_run_less_leaves_it_whole() -> (
    None
):
    seen: list[tuple[str, list[int]]] = []

    @tool(effect="pure", batch=8)
    async def square(jobs: Sequence[Job]) -> list[int]:
        """Notes its batches, and who asks."""
        seen.append((_WHO.get(), [job.n for job in jobs]))
        await asyncio.sleep(2)
        return [job.n * job.n for job in jobs]

    async def one_run(who: str, *numbers: int, leaves: bool = False, at: int = 0) -> list[object]:
        _WHO.set(who)
        await asyncio.sleep(at)
        async with scheduler([square]) as run:
            run.add([call(f"n{n}", square, n=n) for n in numbers])
            if leaves:
                await asyncio.sleep(1)
                run.cancel()
            else:
                await run.settled()
        return [end.value for end in run.outcomes.values()]

    ends = await asyncio.gather(
        one_run("Ann", 1, 2, leaves=True),
        one_run("Bob", 3),
        one_run("Cid", 4, 5),
        one_run("Dan", 6, at=1),
    )
    assert ends == [[None, None], [9], [16, 25], [36]]
    assert seen == [("Ann", [1, 2, 3, 4, 5]), ("Dan", [6])]
    assert now() == 4
    assert not square.meetings, "nothing is left of it when the last run has gone"


def squares(chance: Random, *, raises: bool) -> Tool[..., Any]:
    """A slow tool that fails late jobs: raises without saying whose fault it is, or says it."""
    at_work = 0

    @tool(
        effect="pure", batch=chance.choice((1, 3, 8)), resources=chance.choice(({}, {"gpu": 1})),
        concurrency=1, rate_per_s=chance.choice((None, 4.0)),
        batch_key=chance.choice((None, lambda job: job.n % 2)),
    )  # fmt: skip
    async def square(jobs: Sequence[Job]) -> list[int | ToolError]:
        """Squares of numbers."""
        nonlocal at_work
        at_work += 1
        assert at_work == 1
        try:
            await asyncio.sleep(chance.random())
            if raises and any(job.late for job in jobs):
                raise ToolError("late")
            return [ToolError("late") if job.late else job.n * job.n for job in jobs]
        finally:
            try:
                await asyncio.sleep(0.1 * chance.random())
            finally:
                at_work -= 1

    return square


async def some_run(square: Tool[..., Any], first: int, chance: Random) -> int:
    """Some jobs, of which some are late, some taken out, or all given up; how many came to
    something."""
    numbers = range(first, first + chance.randint(1, 30))
    late = {n for n in numbers if chance.random() < 0.1}
    gone = {n for n in numbers if chance.random() < 0.2}
    await asyncio.sleep(chance.random())
    async with scheduler([square], limits=Limits(parallel=chance.choice((4, 256)))) as run:
        run.add([call(f"n{n}", square, n=n, late=n in late) for n in numbers])
        for n in gone:
            await asyncio.sleep(0.1 * chance.random())
            run.remove([f"n{n}"])
        if chance.random() < 0.3:
            return 0
        await run.settled()
    for n in set(numbers) - gone:
        end = run.outcomes[f"n{n}"]
        assert (end.value, end.ok) == ((None, False) if n in late else (n * n, True)), end
    return len(numbers) - len(gone)


@pytest.mark.parametrize("seed", range(15))
async def test_whatever_is_cancelled_or_poisoned_everybody_else_gets_their_own(seed: int) -> None:
    chance, before = Random(seed), asyncio.all_tasks()
    square = squares(chance, raises=seed % 2 == 1)
    assert sum(await asyncio.gather(*(some_run(square, 100 * i, chance) for i in range(4)))) > 0
    assert asyncio.all_tasks() == before, "no batch outlives those who wait for it"
    assert not square.meetings
