"""Lanes: the ready calls that share the same bounds of concurrency, resources and rate. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import heappop
from math import ceil, inf

from agentkit.budget import Amounts, Dimension
from agentkit.engine.item import Item
from agentkit.engine.limits import Limits
from agentkit.engine.process import target
from agentkit.engine.purse import Gate, Purse
from agentkit.errors import UsageError
from agentkit.plan.worst import call_bound, call_hold
from agentkit.tool import Tool


@dataclass(slots=True, eq=False)
class Rate:
    """At most `per_s` starts a second: in any second, not only on average."""

    per_s: float
    starts: deque[float] = field(init=False)
    window_s: float = field(init=False)

    def __post_init__(self) -> None:
        count = ceil(self.per_s)
        self.starts = deque(maxlen=count)
        self.window_s = count / self.per_s

    def next_at(self) -> float:
        """The earliest time of the next start, in the clock of the starts."""
        full = len(self.starts) == self.starts.maxlen
        return self.starts[0] + self.window_s if full else -inf

    def reserve(self, now: float) -> float:
        """Take the next start; returns its time, now or later."""
        at = max(now, self.next_at())
        self.starts.append(at)
        return at


@dataclass(slots=True, eq=False)
class Lane:
    """The ready calls of tools with the same bounds, the longest remaining path on top.

    `bound` is what a call may take of a run's budget, kept by the `purse`.
    """

    gates: Sequence[tuple[Gate, int | Decimal]]
    rate: Rate | None = None
    purse: Purse | None = None
    bound: Amounts = field(default_factory=dict[Dimension, Decimal])
    heap: list[tuple[float, int, Item]] = field(default_factory=list[tuple[float, int, Item]])

    def has_room(self, calls: int = 1) -> bool:
        """Whether so many calls could start, the rate apart."""
        for gate, units in self.gates:  # a loop: asked twice a call, and `all` is slower
            if gate.free < units * calls:
                return False
        return self.purse is None or self.purse.in_time(self.seconds)

    @property
    def seconds(self) -> float:
        """How long a call may take, 0 where nobody knows."""
        return float(self.bound.get("seconds", 0))

    def short_of(self) -> Dimension | None:
        """The dimension of the budget that alone keeps the next call from starting."""
        short: Dimension | None = None
        for gate, units in self.gates:
            if gate.free < units:
                if gate.dimension is None:
                    return None
                short = short or gate.dimension
        if short is None and self.purse is not None and not self.purse.in_time(self.seconds):
            return "seconds"
        return short

    def top(self) -> tuple[float, int] | None:
        """The best waiting call's rank, the smaller the sooner."""
        heap = self.heap
        while heap and (heap[0][2].state != "ready" or -heap[0][0] < heap[0][2].tail):
            heappop(heap)  # removed, or queued anew when its tail grew
        return heap[0][:2] if heap else None


def lanes(tools: Mapping[str, Tool], limits: Limits, purse: Purse | None = None) -> dict[str, Lane]:
    """A lane for each tool's name; tools with no bounds of their own share one, unless the run has
    a budget.

    Raises `UsageError` for a tool that needs more of a resource than there is, or that a process
    could not import.
    """
    parallel = Gate(limits.parallel)
    places = {"loop": None, "thread": Gate(limits.threads), "process": Gate(limits.processes)}
    resources: dict[str, Gate] = {}
    shared: dict[str, Lane] = {}
    found: dict[str, Lane] = {}
    for name, tool in tools.items():
        if tool.runs == "process":
            target(tool)
        gates: list[tuple[Gate, int | Decimal]] = [(parallel, 1)]
        # The batcher bounds the calls that batches make; the calls that wait for one are free.
        place = None if tool.batch else places[tool.runs]
        if place is not None:
            gates.append((place, 1))
        if tool.concurrency and not tool.batch:
            gates.append((Gate(tool.concurrency), 1))
        for resource, units in tool.resources.items():
            total = limits.resources.get(resource, 1)
            if units > total:
                raise UsageError(
                    f"tool {name!r} needs {units} of {resource!r} and there is {total}; "
                    f"set Limits(resources={{{resource!r}: {units}}})"
                )
            gates.append((resources.setdefault(resource, Gate(total)), units))
        bound = call_bound(tool, purse.usd_per_token) if purse else {}
        if purse is not None:
            gates += purse.units(call_hold(tool, bound))
        rate = Rate(tool.rate_per_s) if tool.rate_per_s and not tool.batch else None
        if rate is None and not tool.concurrency and not tool.resources and purse is None:
            found[name] = shared.setdefault(
                "loop" if place is None else tool.runs, Lane(tuple(gates))
            )
        else:
            found[name] = Lane(tuple(gates), rate, purse, bound)
    return found
