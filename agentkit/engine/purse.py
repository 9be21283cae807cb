"""What is left of a run's budget while it runs: reserved before a call, settled after it.

A budget is a gate like any other bound of what may start, except that a call does not give back
all that it took. Calls of tools pass it in the queue; calls of the model, which come from within
tools and planners, wait here. What a tool's own calls of the model take comes out of what was
reserved for the tool, as far as that goes.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from agentkit.budget import (
    NOTHING,
    Amounts,
    Budget,
    Dimension,
    Spent,
    amounts,
    left_of,
    shown,
)
from agentkit.errors import BudgetReached
from agentkit.outcome import Outcome
from agentkit.tool import Tool

if TYPE_CHECKING:
    from agentkit.engine.share import Share

LEAST: Mapping[Dimension, Decimal] = {
    "tokens": Decimal(1),
    "usd": Decimal("0.000001"),
    "calls": Decimal(1),
}
"""What must be left for a call of which nobody knows what it costs."""


@dataclass(slots=True, eq=False)
class Gate:
    """A bound that several lanes may share: so many units, of which `free` are left.

    One of the budget names its `dimension`: calls give back less than they took.
    """

    free: int | Decimal
    dimension: Dimension | None = None


def cost_of(tool: Tool, end: Outcome) -> dict[Dimension, Decimal]:
    """What a call has cost, its calls of the model apart: what it said, else its tool's bound.

    What the calls of a run of its own have cost was taken while they were made."""
    found: dict[Dimension, Decimal] = {"calls": Decimal(end.attempts)}
    usd = end.cost.usd if end.cost is not None else None
    if tool.nested is not None:
        return found if usd is None else {**found, "usd": NOTHING}
    found["calls"] += (end.cost.calls if end.cost is not None else None) or 0
    if usd is None and (tool.cost.usd is not None or not end.attempts):
        usd = (tool.cost.usd or NOTHING) * end.attempts
    if usd is not None:
        found["usd"] = usd
    if end.cost is not None and end.cost.tokens:
        found["tokens"] = Decimal(end.cost.tokens)
    return found


@dataclass(slots=True)
class _Owner:
    """A running call of a tool, or the planner: what was reserved for it as a whole, and what its
    calls of the model took, in flight or settled."""

    reserved: Amounts = field(default_factory=dict[Dimension, Decimal])
    taken: dict[Dimension, Decimal] = field(default_factory=dict[Dimension, Decimal])
    flying: int = 0

    def beyond(self, dimension: Dimension, more: Decimal = NOTHING) -> Decimal:
        """How much it takes, with so much more, beyond what was reserved for it."""
        taken = self.taken.get(dimension, NOTHING) + more
        return max(NOTHING, taken - self.reserved.get(dimension, NOTHING))


class Purse:
    """The budget of one run. Everything happens in the loop that `open` was called in.

    `spent` is what the run had spent before; `usd_per_token` the dearest token of its model;
    `around` are the budgets of the runs that this one is a call of.
    """

    def __init__(
        self,
        budget: Budget,
        spent: Spent,
        *,
        usd_per_token: Decimal | None = None,
        around: Sequence[Share] = (),
    ) -> None:
        self.budget, self.usd_per_token, self.around = budget, usd_per_token, around
        self._most = amounts(budget)
        left = left_of(budget, spent)
        self._seconds = left.pop("seconds", None)
        self.gates: dict[Dimension, Gate] = {
            dimension: Gate(amount, dimension) for dimension, amount in left.items()
        }
        self.settled = dict(amounts(spent))
        self.unknown = set(spent.unknown)
        self._owners: dict[str, _Owner] = {}
        self._waiting: Counter[str] = Counter()
        self._wakes: list[asyncio.Future[None]] = []
        self._changed: Callable[[], None] = lambda: None
        self._deadline: float | None = None

    def open(self, changed: Callable[[], None]) -> None:
        """Time counts from now; `changed` hears whenever more may fit than before."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._changed = changed
        self._began = self._loop.time()
        if self._seconds is not None:
            self._deadline = self._began + float(self._seconds)

    def units(self, bound: Amounts) -> list[tuple[Gate, Decimal]]:
        """The gates that a call of this bound has to pass, and how much of each it takes."""
        needed = ((gate, bound.get(name, LEAST[name])) for name, gate in self.gates.items())
        return [(gate, units) for gate, units in needed if units]

    def in_time(self, seconds: float) -> bool:
        """Whether a call that may take so long would end in time."""
        return self._deadline is None or self._loop.time() + seconds <= self._deadline

    @property
    def left_s(self) -> float | None:
        """The seconds that the run may still take, None for any number."""
        return None if self._seconds is None else float(self._seconds)

    def spent(self) -> dict[Dimension, Decimal]:
        """What is settled, with the seconds until now."""
        now = Decimal(str(self._loop.time() - self._began))
        return {**self.settled, "seconds": self.settled["seconds"] + now}

    @property
    def flying(self) -> bool:
        """Whether a call of the model holds something that it will give back."""
        return any(owner.flying for owner in self._owners.values())

    def took(self, node: str, bound: Amounts) -> None:
        """A call has started, and has taken this bound from the gates."""
        self._owners[node] = _Owner({name: bound[name] for name in self.gates if name in bound})

    def gave_back(self, node: str, cost: Amounts | None) -> None:
        """A call is over, has given back its bound, and cost this much, its model's part apart."""
        owner = self._owners.pop(node, _Owner())
        for name in self.settled:
            spent = (cost or {}).get(name, NOTHING) + owner.taken.get(name, NOTHING)
            self.settled[name] += spent
            if (gate := self.gates.get(name)) is not None:
                gate.free += owner.beyond(name) - spent
        if cost is not None and "usd" not in cost:
            self.unknown.add("usd")
        self._wake()  # the queue looks by itself at what may start now

    def book(self, node: str, cost: Amounts, sign: int = 1) -> None:
        """Count (or no more) what a call had cost before it was begun once more."""
        self._take(self._owners.setdefault(node, _Owner()), cost, sign)

    async def reserve(self, node: str | None, cost: Amounts, what: str) -> None:
        """Take what a call of the model may cost, once it fits beside what others hold.

        Raises `BudgetReached` where nobody will give back enough. From any loop.
        """
        if asyncio.get_running_loop() is not self._loop:
            reserving = self._reserve(node or "", cost, what)
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(reserving, self._loop))
        else:
            await self._reserve(node or "", cost, what)

    def settle(self, node: str | None, cost: Amounts, used: Amounts) -> None:
        """A call of the model is over: it used this much of what it took. From any thread."""
        if threading.get_ident() == self._thread:
            self._settle(node or "", cost, used)
        else:
            with suppress(RuntimeError):  # the loop is closed: nobody asks any more
                self._loop.call_soon_threadsafe(self._settle, node or "", cost, used)

    async def _reserve(self, name: str, cost: Amounts, what: str) -> None:
        owner = self._owners.setdefault(name, _Owner())
        self._waiting[name] += 1
        try:
            while (short := self._short(owner, cost)) is not None:
                if not self._others_move():
                    raise self.reached(short, what, cost.get(short, LEAST[short]))
                wake: asyncio.Future[None] = self._loop.create_future()
                self._wakes.append(wake)
                await wake
            self._take(owner, cost, 1)
            owner.flying += 1
        finally:
            self._waiting[name] -= 1

    def _settle(self, name: str, cost: Amounts, used: Amounts) -> None:
        owner = self._owners.get(name)
        if owner is None:
            return  # its tool did not wait for it, and it has counted as much as it took
        owner.flying -= 1
        self._take(owner, cost, -1)
        self._take(owner, used, 1)
        if not name:  # the planner's: nothing else will settle it
            for dimension, amount in used.items():
                self.settled[dimension] += amount
        if "usd" not in used:
            self.unknown.add("usd")
        self._wake()
        self._changed()

    def _take(self, owner: _Owner, cost: Amounts, sign: int) -> None:
        for name, amount in cost.items():
            before = owner.beyond(name)
            owner.taken[name] = owner.taken.get(name, NOTHING) + sign * amount
            if (gate := self.gates.get(name)) is not None:
                gate.free -= owner.beyond(name) - before

    def _short(self, owner: _Owner, cost: Amounts) -> Dimension | None:
        """The dimension in which this does not fit now."""
        for name, gate in self.gates.items():
            more = owner.beyond(name, cost.get(name, LEAST[name])) - owner.beyond(name)
            if more and gate.free < more:
                return name
        return None

    def _others_move(self) -> bool:
        """Whether somebody who holds something is going on, and so will give it back."""
        return any(
            owner.flying or (owner.reserved and not self._waiting[name])
            for name, owner in self._owners.items()
        )

    def _wake(self) -> None:
        wakes, self._wakes = self._wakes, []
        for wake in wakes:
            if not wake.done():
                wake.set_result(None)

    def reached(
        self, dimension: Dimension, what: str, most: Decimal | None = None
    ) -> BudgetReached:
        """The error that pauses the run: it names the bound, what is spent, and what is next."""
        budget, spent = self._most[dimension], self.spent()[dimension]
        if (gate := self.gates.get(dimension)) is not None:
            spent = budget - gate.free
        held = "spent or reserved" if spent > self.spent()[dimension] else "spent"
        next_up = "" if most is None else f", which may take {shown(dimension, most)}"
        return BudgetReached(
            f"the run's budget of {shown(dimension, budget)} does not allow {what}{next_up}: "
            f"{shown(dimension, spent)} are {held}; raise Budget({dimension}=…) and resume the run",
            dimension=dimension,
            wanted=max(2 * budget, spent + (most or NOTHING)),
            budget=self.budget,
        )
