"""The order in which nodes can be looked at, and the cycles that leave none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from agentkit.plan.graph import Node, needs
from agentkit.plan.problem import Problem


class Order(NamedTuple):
    """Nodes and what they need, each behind those of them that it needs; a problem for every cycle,
    and the names in cycles."""

    nodes: list[tuple[Node, frozenset[str]]]
    problems: list[Problem]
    looping: frozenset[str]


def in_order(nodes: Sequence[Node]) -> Order:
    """Nodes in an order in which they can be looked at; those of a cycle come somewhere."""
    given = [(node, needs(node)) for node in nodes]
    here = {node.id: (node, needed) for node, needed in given}
    later = set(here)
    forward = False
    for name, (_, needed) in here.items():
        forward = forward or not needed.isdisjoint(later)
        later.discard(name)
    if not forward:
        return Order(given, [], frozenset())
    edges = {name: needed & here.keys() for name, (_, needed) in here.items()}
    try:
        order = [here[name] for name in TopologicalSorter(edges).static_order()]
        return Order(order, [], frozenset())
    except CycleError:
        return _broken(here, edges)


def _broken(
    here: Mapping[str, tuple[Node, frozenset[str]]], edges: Mapping[str, frozenset[str]]
) -> Order:
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph((need, name) for name in edges for need in edges[name])
    graph.add_nodes_from(here)
    problems: list[Problem] = []
    looping: set[str] = set()
    for group in list(nx.strongly_connected_components(graph)):
        part = graph.subgraph(group)
        if len(group) == 1 and not part.number_of_edges():
            continue
        looping |= group
        steps = _cycle(edges, group, next(name for name in here if name in group))
        problems.append(
            Problem(
                code="cycle",
                expected="a node that needs only earlier ones",
                found=" needs ".join([*steps, steps[0]]),
                at=here[steps[0]][0].at,
                node=steps[0],
            )
        )
        graph.remove_edges_from(list(part.edges))
    order = [here[name] for name in nx.topological_sort(graph)]
    return Order(order, problems, frozenset(looping))


def _cycle(edges: Mapping[str, frozenset[str]], group: set[str], first: str) -> list[str]:
    """The names along one cycle in a group whose members all reach each other."""
    steps: list[str] = []
    while first not in steps:
        steps.append(first)
        first = min(edges[first] & group)
    return steps[steps.index(first) :]
