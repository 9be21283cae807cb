"""Calls of the model, in any order and at once, within one budget: none overshoots, none hangs."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from agentkit import Budget
from agentkit.budget import Dimension, Spent
from agentkit.engine.purse import Purse
from agentkit.errors import BudgetReached
from agentkit.testing.virtual_time import VirtualTimeLoop

asks = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 100), st.integers(0, 3)), max_size=4)
"""What calls of the model take at most, the share of it that they use, how many seconds."""


@st.composite
def owners(draw: st.DrawFn) -> list[tuple[int, bool, list[tuple[int, int, int]]]]:
    """Calls of tools: what is reserved for each, whether its model calls are made at once."""
    each = st.tuples(st.sampled_from([0, 0, 10, 60]), st.booleans(), asks)
    return draw(st.lists(each, min_size=1, max_size=5))


class Played:
    """Tools that ask the model; `used` is what all of it really came to."""

    def __init__(self, purse: Purse) -> None:
        self.purse, self.used, self.held, self.refused = purse, 0, 0, 0

    async def ask(self, name: str | None, most: int, share: int, seconds: int) -> None:
        cost: dict[Dimension, Decimal] = {"tokens": Decimal(most)}
        await self.purse.reserve(name, cost, "a call")
        self.held += most
        assert self.used + self.held <= 100
        await asyncio.sleep(seconds)
        real = most * share // 100
        self.held -= most
        self.used += real
        self.purse.settle(name, cost, {"tokens": Decimal(real), "usd": Decimal(0)})

    async def tool(
        self, number: int, reserved: int, at_once: bool, asked: list[tuple[int, int, int]]
    ) -> None:
        name = f"n{number}"
        bound: dict[Dimension, Decimal] = {"tokens": Decimal(reserved)} if reserved else {}
        gate = self.purse.gates["tokens"]
        for _ in range(1000):  # the queue's part: it starts once there is room
            if gate.free >= reserved:
                break
            await asyncio.sleep(1)
        else:
            return
        gate.free -= reserved
        self.purse.took(name, bound)
        try:
            if at_once:
                await asyncio.gather(*(self.ask(name, *each) for each in asked))
            else:
                for each in asked:
                    await self.ask(name, *each)
        except BudgetReached:
            self.refused += 1
        finally:
            gate.free += reserved
            self.purse.gave_back(name, None)


@given(owners())
def test_no_more_is_used_than_there_is_and_nobody_waits_for_ever(
    plan: list[tuple[int, bool, list[tuple[int, int, int]]]],
) -> None:
    async def play() -> Played:
        purse = Purse(Budget(tokens=100), Spent(), usd_per_token=Decimal(0))
        purse.open(lambda: None)
        played = Played(purse)
        async with asyncio.timeout(100_000):
            await asyncio.gather(*(played.tool(number, *each) for number, each in enumerate(plan)))
        return played

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        played = runner.run(play())
    assert played.used <= 100
    if sum(max(kept, sum(most for most, _, _ in asked)) for kept, _, asked in plan) <= 100:
        assert played.refused == 0
    if not played.refused:
        assert played.purse.settled["tokens"] == played.used
        assert played.purse.gates["tokens"].free == 100 - played.used
