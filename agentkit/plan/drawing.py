"""What a drawing of a plan shows, whatever draws it: boxes and the arrows between them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from agentkit.plan.graph import Answer, Call, Compute, Guard, Map, Node, Observe, Patch, Plan, needs
from agentkit.plan.source import patch_source

ANSWER = "answer"

Kind = Literal["input", "call", "map", "compute", "guard", "observe", "answer"]


class Box(NamedTuple):
    """A name, what kind of thing it is, a second line, and its whole statement."""

    name: str
    kind: Kind
    detail: str = ""
    text: str = ""


class Arrow(NamedTuple):
    """From what is needed to what needs it; `guard` is "if" or "else" where a guard decides."""

    start: str
    end: str
    guard: str = ""


class Drawing(NamedTuple):
    """A plan as boxes and arrows; every arrow joins two of the boxes."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def drawing(plan: Plan) -> Drawing:
    """Inputs, nodes and answer of a plan, in its order; references to nothing are left out."""
    boxes = [Box(name, "input") for name in plan.inputs]
    boxes += [_box(node) for node in plan.nodes.values()]
    names = {box.name for box in boxes}
    arrows = [arrow for node in plan.nodes.values() for arrow in _arrows(node, node.id)]
    if plan.answer is not None:
        boxes.append(Box(ANSWER, "answer", text=patch_source(Patch(answer=plan.answer)).strip()))
        arrows += _arrows(plan.answer, ANSWER)
    known = (arrow for arrow in arrows if arrow.start in names)
    return Drawing(tuple(boxes), tuple(known))


def _box(node: Node) -> Box:
    text = patch_source(Patch(add=(node,))).strip()
    match node:
        case Call():
            return Box(node.id, "call", node.tool, text)
        case Map():
            return Box(node.id, "map", " + ".join(f"each {call.tool}" for call in node.body), text)
        case Compute():
            return Box(node.id, "compute", text.removeprefix(f"{node.id} "), text)
        case Guard():
            return Box(node.id, "guard", text.partition(":\n")[0], text)
        case Observe():
            return Box(node.id, "observe", "look", text)


def _arrows(node: Node | Answer, name: str) -> list[Arrow]:
    when = None if isinstance(node, Answer) else node.when
    guard = None if when is None else when.guard
    found = [Arrow(need, name) for need in sorted(needs(node)) if need != guard]
    if when is not None:
        found.append(Arrow(when.guard, name, "if" if when.holds else "else"))
    return found
