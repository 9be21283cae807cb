"""The arguments of a step as the plan writes them, with what they refer to as links."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from agentkit.plan.expression import arg_source
from agentkit.plan.graph import (
    Arg,
    Call,
    Compute,
    Const,
    Guard,
    Map,
    Node,
    Observe,
    Patch,
    names_in,
)
from agentkit.plan.source import patch_source
from agentkit.report.track import Track
from agentkit.report.view import Argument, Bit
from agentkit.text import cut
from agentkit.types import Json

Anchors = Callable[[str], str]
MOST_SOURCE = 2000


def kind_of(node: Node | Call | None, name: str) -> str:
    """The word for what kind of step it is."""
    if name.endswith("]"):
        return "element"
    return "step" if node is None else type(node).__name__.lower()


def statement(node: Node | Call | None, name: str) -> str:
    """The step's own line of the plan; empty for elements, whose map tells it."""
    if node is None or name.endswith("]"):
        return ""
    return cut(patch_source(Patch(add=(node,))).strip(), MOST_SOURCE)


def arguments(track: Track, around: Node | Call | None, anchor_of: Anchors) -> tuple[Argument, ...]:
    """Every argument, in the plan's order; those that only the call has (somebody approved others)
    come last. `around` is the map that a call belongs to."""
    anchors = _within(track, around, anchor_of) if isinstance(around, Map) else anchor_of
    planned, called = dict(_planned(track)), track.args or {}
    found = [_argument(name, arg, called, anchors) for name, arg in planned.items()]
    others = [name for name in called if name not in planned]
    return (*found, *(Argument(name, (), called[name], True) for name in others))


def _argument(name: str, arg: Arg, called: Mapping[str, Json], anchors: Anchors) -> Argument:
    if isinstance(arg, Const):
        return Argument(name, (), called.get(name, arg.value), True)
    return Argument(name, linked(arg, anchors), called.get(name), name in called)


def linked(arg: Arg, anchors: Anchors) -> tuple[Bit, ...]:
    """The argument's source in pieces: each name that it refers to is one, with its place."""
    source, names = cut(arg_source(arg), MOST_SOURCE), sorted(names_in(arg), key=len, reverse=True)
    if not names:
        return (Bit(source),)
    of_names = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, names))})(?!\w)")
    pieces = of_names.split(source)
    return tuple(
        Bit(piece, anchors(piece) if number % 2 else "")
        for number, piece in enumerate(pieces)
        if piece
    )


def _within(track: Track, around: Map, anchor_of: Anchors) -> Anchors:
    """Names as a map's element has them: its variable comes from what is mapped, its calls are
    those of the same element."""
    element, _, _ = track.name.rpartition(".")
    sources = sorted(names_in(around.over))
    calls = {call.id for call in around.body}

    def anchor(name: str) -> str:
        if name == around.var:
            return anchor_of(sources[0]) if sources else ""
        return anchor_of(f"{element}.{name}" if name in calls else name)

    return anchor


def _planned(track: Track) -> Iterable[tuple[str, Arg]]:
    node = track.node
    match node:
        case Call():
            return node.args.items()
        case Map() if not track.above:
            where = [] if node.where is None else [("where", node.where)]
            return [("for each of", node.over), *where, ("gives", node.value)]
        case Compute():
            return [("value", node.value)]
        case Guard():
            return [("test", node.test)]
        case Observe():
            return [(f"result {number}", one) for number, one in enumerate(node.using, 1)]
        case _:
            return []
