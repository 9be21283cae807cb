"""From a plan's nodes to the items that the scheduler moves, within the limits of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import count

from agentkit.engine.expand import Link, expand, scopes
from agentkit.engine.item import Item, Scope
from agentkit.engine.lane import Lane
from agentkit.engine.limits import Limits
from agentkit.errors import LimitReached, UsageError
from agentkit.plan.graph import Call, Map, Node, Observe, needs
from agentkit.tool import Tool


def in_order(nodes: Sequence[Node]) -> Iterator[tuple[Node, frozenset[str]]]:
    """The nodes with their needs, each after those of them that it needs."""
    if len(nodes) == 1:
        yield nodes[0], needs(nodes[0])
        return
    wanted = {node.id: needs(node) for node in nodes}
    later = set(wanted)
    in_place = True
    for node in nodes:
        later.discard(node.id)
        in_place = in_place and later.isdisjoint(wanted[node.id])
    if in_place:
        yield from ((node, wanted[node.id]) for node in nodes)
        return
    by_id = {node.id: node for node in nodes}
    try:
        order = TopologicalSorter({name: sorted(each) for name, each in wanted.items()})
        names = list(order.static_order())
    except CycleError as error:
        raise UsageError(f"these nodes need one another: {error.args[1]}") from error
    yield from ((by_id[name], wanted[name]) for name in names if name in by_id)


class Builder:
    """Makes items. Raises `LimitReached` where there would be too many, or too deep a chain."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        lanes: Mapping[str, Lane],
        limits: Limits,
        scope: Scope,
        estimate: Callable[[Call], float] | None,
    ) -> None:
        self._tools, self._lanes, self._limits, self._scope = tools, lanes, limits, scope
        self._estimate = estimate or self._expected_s
        self._order = count()
        self._made = 0

    def item(self, node: Node, wanted: frozenset[str], items: Mapping[str, Item]) -> Link:
        """A node's item and the items that it needs; `UsageError` for an unknown tool or name."""
        if node.id in items:
            raise UsageError(f"expected a new id; {node.id!r} is bound already")
        needed: list[Item] = []
        for name in sorted(wanted):  # not as the set has it: every process orders that anew
            if (need := items.get(name)) is not None:
                needed.append(need)
            elif name not in self._scope:
                raise UsageError(
                    f"node {node.id!r} needs {name!r}, which is neither an input nor a node"
                )
        needed.sort(key=_order)  # of several failures the first in the plan is to blame
        item = Item(node.id, node, next(self._order), self._scope, node.id)
        if isinstance(node, Call):
            item.lane, item.estimate = self._lane(node), self._estimate(node)
        elif isinstance(node, Map):
            item.estimate = sum(map(self._estimate, node.body))
        item.tolerant = isinstance(node, Observe)
        if node.when is not None:
            item.guard, item.holds = items.get(node.when.guard), node.when.holds
        item.depth = 1 + max((need.depth for need in needed), default=0)
        if item.depth > self._limits.depth:
            raise LimitReached("depth", self._limits.depth, item.depth)
        self._count(1)
        return Link(item, needed)

    def elements(self, item: Item, node: Map) -> list[Link]:
        """The items of a map's elements and their calls; `EvaluationError` without a list."""
        inner = scopes(node, item.scope)
        self._count(len(inner) * (len(node.body) + 1))
        return expand(
            node,
            inner,
            order=self._order.__next__,
            lane=self._lane,
            estimate=self._estimate,
        )

    def tool(self, node: Call) -> Tool:
        """The tool that a node calls."""
        return self._tools[node.tool]

    def _expected_s(self, node: Call) -> float:
        return self.tool(node).expected_s

    def _lane(self, node: Call) -> Lane:
        lane = self._lanes.get(node.tool)
        if lane is None:
            known = ", ".join(sorted(self._tools)) or "none"
            raise UsageError(
                f"node {node.id!r}: expected one of the tools ({known}); found {node.tool!r}"
            )
        return lane

    def _count(self, new: int) -> None:
        if self._made + new > self._limits.nodes:
            raise LimitReached("nodes", self._limits.nodes, self._made + new)
        self._made += new


def _order(item: Item) -> int:
    return item.order
