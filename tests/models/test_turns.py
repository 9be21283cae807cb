"""One at a time, first come first served, across event loops and with people who give up."""

from __future__ import annotations

import asyncio
import threading

import pytest

from agentkit.models.turns import Turns

pytestmark = pytest.mark.anyio


async def test_who_came_first_goes_first_and_who_gave_up_is_passed_over() -> None:
    turns, order = Turns(), list[int]()

    async def work(number: int) -> None:
        async with turns.turn():
            order.append(number)

    async with turns.turn():
        waiting = [asyncio.create_task(work(number)) for number in range(4)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        await asyncio.wait(waiting[1:2])
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == [0, 2, 3]
    async with turns.turn():  # and it is free again
        pass


async def test_a_turn_given_in_the_moment_of_giving_up_goes_to_the_next() -> None:
    turns, order = Turns(), list[int]()

    async def work(number: int) -> None:
        async with turns.turn():
            order.append(number)

    async with turns.turn():
        first, second = (asyncio.create_task(work(number)) for number in range(2))
        await asyncio.sleep(0)
    first.cancel()  # the turn is its own already, but it has not run since
    await asyncio.gather(first, second, return_exceptions=True)
    assert order == [1]


def test_several_event_loops_share_it() -> None:
    turns, inside, most = Turns(), list[int](), list[int]()

    async def work() -> None:
        for _ in range(20):
            async with turns.turn():
                inside.append(1)
                most.append(len(inside))
                await asyncio.sleep(0)
                inside.pop()

    async def several() -> None:
        await asyncio.gather(work(), work())

    threads = [threading.Thread(target=asyncio.run, args=(several(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 120 and set(most) == {1}
