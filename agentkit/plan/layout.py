"""Where the boxes of a drawing stand: layers by distance from the inputs, top to bottom.

An arrow that skips layers gets a narrow place of its own in each, so that it goes beside the boxes
there and not behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from agentkit.plan.drawing import Drawing

HEIGHT, GAP_X, GAP_Y, MARGIN = 44, 28, 46, 16
WAY = 4.0
"""Pixels across that an arrow takes between boxes."""


class Place(NamedTuple):
    """The centre, the top and the width of a box or of an arrow's way, in pixels."""

    x: float
    y: float
    width: float


class Layout(NamedTuple):
    """A place for every box by name, and the places that each arrow goes through on its way."""

    places: Mapping[str, Place]
    ways: tuple[tuple[Place, ...], ...]


def layout(drawn: Drawing, widths: Mapping[str, float]) -> Layout:
    """Boxes of these widths without overlap; in a layer, each as near as may be to what it needs.

    In a plan with a cycle the arrows that go back are drawn upwards.
    """
    layers = _layers(drawn)
    depth = {name: number for number, layer in enumerate(layers) for name in layer}
    across = dict(widths)
    above: dict[str, list[str]] = {name: [] for name in widths}
    ways: list[list[str]] = []
    for number, arrow in enumerate(drawn.arrows):
        before, way = arrow.start, list[str]()
        for level in range(depth[arrow.start] + 1, depth[arrow.end]):
            name = f"{number}:{level}"  # no box is called so
            layers[level].append(name)
            across[name], above[name] = WAY, [before]
            way.append(name)
            before = name
        above[arrow.end].append(before)
        ways.append(way)
    places = _places(layers, across, above)
    found = tuple(tuple(places[name] for name in way) for way in ways)
    return Layout({name: places[name] for name in widths}, found)


def _layers(drawn: Drawing) -> list[list[str]]:
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(box.name for box in drawn.boxes)
    graph.add_edges_from((arrow.start, arrow.end) for arrow in drawn.arrows)
    if not nx.is_directed_acyclic_graph(graph):
        order = {box.name: number for number, box in enumerate(drawn.boxes)}
        backward = [(a.start, a.end) for a in drawn.arrows if order[a.start] >= order[a.end]]
        graph.remove_edges_from(backward)
    return [list(layer) for layer in nx.topological_generations(graph)]


def _places(
    layers: list[list[str]], across: Mapping[str, float], above: Mapping[str, list[str]]
) -> dict[str, Place]:
    totals = [sum(across[name] + GAP_X for name in layer) - GAP_X for layer in layers]
    middle = max(totals, default=0) / 2 + MARGIN
    places: dict[str, Place] = {}
    for depth, layer in enumerate(layers):
        wishes = {name: _mean_x(above[name], places, middle) for name in layer}
        left = middle - totals[depth] / 2
        for name in sorted(layer, key=wishes.__getitem__):
            top = MARGIN + depth * (HEIGHT + GAP_Y)
            places[name] = Place(left + across[name] / 2, top, across[name])
            left += across[name] + GAP_X
    return places


def _mean_x(names: list[str], places: Mapping[str, Place], middle: float) -> float:
    found = [places[name].x for name in names if name in places]
    return sum(found) / len(found) if found else middle
