"""What a plan costs at worst, before it runs: one pass over its graph.

Of exclusive branches the dearer one counts, in each dimension; a map counts for as many elements as
it can have; seconds are those of the longest path, as if every call began as soon as it could. What
has no bound is unknown, and the nodes that make it so are named.

    >>> from agentkit.budget import Cost
    >>> from agentkit.plan.graph import Call
    >>> from agentkit.tool import tool
    >>> @tool(effect="read", cost=Cost(usd="0.02"))
    ... def look(word: str) -> str:
    ...     return word
    >>> two = {name: Call(id=name, tool="look", args={}) for name in ("a", "b")}
    >>> str(worst_case(Plan(nodes=two), {"look": look}))
    '0 tokens, $0.04, seconds unknown (a, b), 2 calls'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from agentkit.budget import DIMENSIONS, NOTHING, Amounts, Dimension, amounts, shown
from agentkit.plan.check import scope_of
from agentkit.plan.cycles import in_order
from agentkit.plan.fanout import most_elements
from agentkit.plan.graph import Call, Map, Node, Plan, Position
from agentkit.plan.types import Type
from agentkit.types import Json

if TYPE_CHECKING:
    from agentkit.outcome import Outcome
    from agentkit.tool import Tool

MOST_NAMED = 3


class Part(NamedTuple):
    """What one node adds: calls of a tool, each with this bound; `times` None is no bound."""

    node: str
    tool: str
    times: int | None
    bound: Amounts
    at: Position

    def amount(self, dimension: Dimension) -> Decimal | None:
        """All its calls together; None where it is unknown."""
        one = self.bound.get(dimension)
        if self.times == 0 or one == 0:
            return NOTHING
        return None if one is None or self.times is None else one * self.times


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstCase:
    """What a plan costs at worst. `known` lacks the dimensions that have no bound; `unknown` names
    the nodes to blame for each of those."""

    known: Amounts = field(default_factory=dict[Dimension, Decimal])
    unknown: Mapping[Dimension, tuple[str, ...]] = field(
        default_factory=dict[Dimension, tuple[str, ...]]
    )
    parts: Sequence[Part] = ()

    def costliest(self, dimension: Dimension) -> Sequence[Part]:
        """The nodes that cost most, those without a bound first."""
        blamed = [part for part in self.parts if part.amount(dimension) is None]
        rest = [part for part in self.parts if part.amount(dimension)]
        rest.sort(key=lambda part: part.amount(dimension) or NOTHING, reverse=True)
        return (*blamed, *rest)

    def __str__(self) -> str:
        return ", ".join(
            shown(dimension, self.known[dimension])
            if dimension in self.known
            else f"{dimension} unknown ({named(self.unknown[dimension])})"
            for dimension in DIMENSIONS
        )


def named(nodes: Sequence[str]) -> str:
    """`a, b, c and 4 more`."""
    more = len(nodes) - MOST_NAMED
    return ", ".join(nodes[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def call_bound(tool: Tool, usd_per_token: Decimal | None = None) -> dict[Dimension, Decimal]:
    """What one call costs at most, with all the attempts that its tool may make of it."""
    retry = tool.retry if tool.effect != "once" else None
    attempts = Decimal(retry.attempts if retry else 1)
    one = amounts(tool.cost)
    if "seconds" not in one and tool.timeout_s is not None and tool.batch is None:
        one["seconds"] = Decimal(str(tool.timeout_s))
    tokens, calls = one.get("tokens"), one.pop("calls", None)
    if tool.nested is None and tokens != 0 and usd_per_token != 0 and "usd" in one:
        if tokens is None or usd_per_token is None:
            del one["usd"]
        else:
            one["usd"] += tokens * usd_per_token
    bound: dict[Dimension, Decimal] = {name: most * attempts for name, most in one.items()}
    if retry is not None and "seconds" in bound:
        bound["seconds"] += Decimal(str(retry.most_s)) * (retry.attempts - 1)
    if tool.nested is None or calls is not None:
        bound["calls"] = attempts * (1 + (calls or NOTHING))
    return bound


def call_hold(tool: Tool, bound: Amounts) -> Amounts:
    """What is held back for a call before it starts: its bound, and where the price of the model
    that it asks is unknown what the tool costs besides. A run of its own whose bound is unknown
    pays for each of its calls by itself."""
    if tool.nested is not None:
        return {"tokens": NOTHING, "usd": NOTHING, "calls": Decimal(1), **bound}
    if "usd" in bound or tool.cost.usd is None:
        return bound
    retry = tool.retry if tool.effect != "once" else None
    return {**bound, "usd": tool.cost.usd * (retry.attempts if retry else 1)}


def worst_case(
    plan: Plan,
    tools: Mapping[str, Tool],
    *,
    outcomes: Mapping[str, Outcome] | None = None,
    inputs: Mapping[str, Json] | None = None,
    most_nodes: int | None = None,
    usd_per_token: Decimal | None = None,
) -> WorstCase:
    """What is still to be done of the plan costs at worst. Pure; linear in the plan.

    `outcomes` are of nodes that ended: they cost nothing more, and a guard's value decides its
    branch. `most_nodes` bounds maps that nothing else bounds (`Limits.nodes`), `usd_per_token` is
    the dearest token of the agent's model.
    """
    outcomes = outcomes or {}
    values = {**(inputs or {}), **{name: end.value for name, end in outcomes.items() if end.ok}}
    done = Counter(name.partition("[")[0] + "." + name.rpartition("].")[2] for name in outcomes)
    bounds = {name: call_bound(tool, usd_per_token) for name, tool in tools.items()}

    @cache
    def types() -> Mapping[str, Type]:
        return scope_of(plan, tools).types

    parts: dict[str, list[Part]] = {}
    for node in plan.nodes.values():
        if node.id in outcomes:
            continue
        if isinstance(node, Call):
            parts[node.id] = [Part(node.id, node.tool, 1, bounds.get(node.tool, {}), node.at)]
        elif isinstance(node, Map):
            times = _times(node, most_elements(node.over, plan, values, types), most_nodes)
            parts[node.id] = [
                Part(
                    node.id,
                    call.tool,
                    None if times is None else max(0, times - done[f"{node.id}.{call.id}"]),
                    bounds.get(call.tool, {}),
                    call.at,
                )
                for call in node.body
            ]
    return _summed(plan, parts, outcomes)


def _times(node: Map, elements: int | None, most_nodes: int | None) -> int | None:
    """The most elements, where nothing else says so by the limit of the run's nodes."""
    if most_nodes is None:
        return elements
    limited = most_nodes // (len(node.body) + 1)
    return limited if elements is None else min(elements, limited)


def _summed(
    plan: Plan, parts: Mapping[str, Sequence[Part]], outcomes: Mapping[str, Outcome]
) -> WorstCase:
    branches: dict[tuple[str, bool] | None, list[str]] = {}
    for node in plan.nodes.values():
        key = None if node.when is None else (node.when.guard, node.when.holds)
        branches.setdefault(key, []).append(node.id)
    known: dict[Dimension, Decimal] = {}
    unknown: dict[Dimension, tuple[str, ...]] = {}
    for dimension in DIMENSIONS:
        if dimension == "seconds":
            amount, blamed = _longest(plan, parts)
        else:
            amount, blamed = _branch(branches, None, parts, outcomes, dimension)
        if blamed:
            unknown[dimension] = tuple(dict.fromkeys(blamed))
        else:
            known[dimension] = amount
    return WorstCase(
        known=known, unknown=unknown, parts=[part for each in parts.values() for part in each]
    )


_Sum = tuple[Decimal, list[str]]
"""A known amount, and the nodes whose amount is not known."""


def _branch(
    branches: Mapping[tuple[str, bool] | None, list[str]],
    key: tuple[str, bool] | None,
    parts: Mapping[str, Sequence[Part]],
    outcomes: Mapping[str, Outcome],
    dimension: Dimension,
) -> _Sum:
    """All nodes of a branch, with the dearer branch of each guard among them."""
    total, blamed = NOTHING, list[str]()
    for name in branches.get(key, ()):
        for part in parts.get(name, ()):
            amount = part.amount(dimension)
            if amount is None:
                blamed.append(name)
            else:
                total += amount
        sides = [
            _branch(branches, (name, holds), parts, outcomes, dimension)
            for holds in (True, False)
            if (name, holds) in branches and _open(name, holds, outcomes)
        ]
        total += max((amount for amount, _ in sides), default=NOTHING)
        blamed += [one for _, found in sides for one in found]
    return total, blamed


def _open(guard: str, holds: bool, outcomes: Mapping[str, Outcome]) -> bool:
    """Whether this side of a guard may still run."""
    end = outcomes.get(guard)
    return end is None or (end.ok and bool(end.value) is holds)


def _longest(plan: Plan, parts: Mapping[str, Sequence[Part]]) -> _Sum:
    """The seconds of the longest path."""
    ends: dict[str, Decimal] = {}
    blamed: list[str] = []
    for node, needed in in_order(list(plan.nodes.values())).nodes:
        begun = max((ends.get(name, NOTHING) for name in needed), default=NOTHING)
        took, unbounded = _seconds(node, parts.get(node.id, ()))
        ends[node.id] = begun + took
        blamed += unbounded
    return max(ends.values(), default=NOTHING), blamed


def _seconds(node: Node, parts: Iterable[Part]) -> _Sum:
    """Elements of a map are side by side, the calls of one element one after another."""
    total, blamed = NOTHING, list[str]()
    for part in parts:
        if part.times == 0:
            continue
        seconds = part.bound.get("seconds")
        if seconds is None:
            blamed.append(node.id)
        else:
            total += seconds
    return total, blamed
