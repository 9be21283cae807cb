"""Lanes: the ready calls that share the same bounds of concurrency, resources and rate. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import heappop

from agentkit.budget import Amounts, Dimension
from agentkit.engine.item import Item
from agentkit.engine.limits import Limits
from agentkit.engine.process import target
from agentkit.engine.purse import Gate, Purse
from agentkit.engine.rate import Rate
from agentkit.errors import UsageError
from agentkit.plan.worst import call_bound, call_hold
from agentkit.tool import Tool


@dataclass(slots=True, eq=False)
class Lane:
    """The ready calls of tools with the same bounds, the longest remaining path on top.

    `gates` are passed by each call. What `shared` ones give, its calls hold together, the first
    for the others until the last is over: these are made as one. `bound` is what a call may take
    of a run's budget, kept by the `purse`.
    """

    gates: Sequence[tuple[Gate, int | Decimal]]
    shared: Sequence[tuple[Gate, int]] = ()
    rate: Rate | None = None
    purse: Purse | None = None
    bound: Amounts = field(default_factory=dict[Dimension, Decimal])
    heap: list[tuple[float, int, Item]] = field(default_factory=list[tuple[float, int, Item]])
    running: int = 0
    """Its calls that hold what is shared."""

    def has_room(self, calls: int = 1) -> bool:
        """Whether so many calls could start, the rate apart."""
        for gate, units in self.gates:  # a loop: asked twice a call, and `all` is slower
            if gate.free < units * calls:
                return False
        if self.shared and not self.running and self._blocked():
            return False
        return self.purse is None or self.purse.in_time(self.seconds)

    @property
    def seconds(self) -> float:
        """How long a call may take, 0 where nobody knows."""
        return float(self.bound.get("seconds", 0))

    def short_of(self) -> Dimension | None:
        """The dimension of the budget that alone keeps the next call from starting."""
        if self.shared and not self.running and self._blocked():
            return None
        short: Dimension | None = None
        for gate, units in self.gates:
            if gate.free < units:
                if gate.dimension is None:
                    return None
                short = short or gate.dimension
        if short is None and self.purse is not None and not self.purse.in_time(self.seconds):
            return "seconds"
        return short

    def join(self) -> None:
        """A call starts that holds what is shared with the others."""
        if not self.running:
            for gate, units in self.shared:
                gate.free -= units
        self.running += 1

    def leave(self) -> None:
        """Such a call is over."""
        self.running -= 1
        if not self.running:
            for gate, units in self.shared:
                gate.free += units

    def keeps_waiting(self, other: Lane) -> bool:
        """Whether the other could start a call, but for what this one's calls hold together."""
        held = {id(gate) for gate, _ in self.shared} if self.running else set[int]()
        needs = other.gates if other.running else (*other.gates, *other.shared)
        return any(gate.free < units and id(gate) in held for gate, units in needs)

    def _blocked(self) -> bool:
        return any(gate.free < units for gate, units in self.shared)

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
    alike: dict[str, Lane] = {}
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
        needed = _needed(tool, limits, resources)
        bound = call_bound(tool, purse.usd_per_token) if purse else {}
        if purse is not None:
            gates += purse.units(call_hold(tool, bound))
        rate = Rate(tool.rate_per_s) if tool.rate_per_s and not tool.batch else None
        if rate is None and not tool.concurrency and not needed and purse is None:
            kind = "loop" if place is None else tool.runs
            found[name] = alike.setdefault(kind, Lane(tuple(gates)))
        elif tool.batch:
            found[name] = Lane(tuple(gates), needed, None, purse, bound)
        else:
            found[name] = Lane((*gates, *needed), (), rate, purse, bound)
    return found


def _needed(tool: Tool, limits: Limits, resources: dict[str, Gate]) -> Sequence[tuple[Gate, int]]:
    """The resources that one call takes; what batches take that are made at the same time."""
    found: list[tuple[Gate, int]] = []
    at_once = (tool.concurrency or 1) if tool.batch else 1
    for resource, each in tool.resources.items():
        total, units = limits.resources.get(resource, 1), each * at_once
        if units > total:
            batches = f" for {at_once} batches at once" if at_once > 1 else ""
            raise UsageError(
                f"tool {tool.name!r} needs {units} of {resource!r}{batches} and there is {total}; "
                f"set Limits(resources={{{resource!r}: {units}}})"
            )
        found.append((resources.setdefault(resource, Gate(total)), units))
    return tuple(found)
