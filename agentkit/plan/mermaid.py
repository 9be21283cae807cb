"""A plan as Mermaid text, for READMEs and wherever Mermaid is drawn."""

from __future__ import annotations

from collections.abc import Mapping

from agentkit.plan.drawing import Box, Kind, drawing
from agentkit.plan.graph import Plan

_SHAPES: Mapping[Kind, tuple[str, str]] = {
    "input": ("([", "])"),
    "call": ("[", "]"),
    "map": ("[[", "]]"),
    "compute": ("(", ")"),
    "guard": ("{", "}"),
    "observe": ("{{", "}}"),
    "answer": ("([", "])"),
}


def mermaid(plan: Plan) -> str:
    """A flowchart of the plan, top to bottom; a dotted arrow is a guard's.

    >>> from agentkit.plan.graph import Call, Ref
    >>> call = Call(id="talk", tool="transcribe", args={"audio": Ref("call")})
    >>> print(mermaid(Plan(inputs={"call": {}}, nodes={"talk": call})))
    flowchart TD
        n0(["call"])
        n1["talk<br>transcribe"]
        n0 --> n1
    """
    drawn = drawing(plan)
    numbers = {box.name: f"n{number}" for number, box in enumerate(drawn.boxes)}
    lines = ["flowchart TD", *(f"    {_shape(box, numbers[box.name])}" for box in drawn.boxes)]
    for arrow in drawn.arrows:
        line = f"-. {arrow.guard} .->" if arrow.guard else "-->"
        lines.append(f"    {numbers[arrow.start]} {line} {numbers[arrow.end]}")
    return "\n".join(lines)


def _shape(box: Box, number: str) -> str:
    opening, closing = _SHAPES[box.kind]
    label = "<br>".join(_escaped(line) for line in (box.name, box.detail) if line)
    return f'{number}{opening}"{label}"{closing}'


def _escaped(text: str) -> str:
    """Text that neither ends the label nor starts markup: Mermaid's own entity codes."""
    return "".join(c if c.isalnum() or c in " _-+=." else f"#{ord(c)};" for c in text)
