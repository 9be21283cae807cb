"""Two runs compared: their plans as text, what their nodes were given and came to, what they cost.

>>> from agentkit.plan.graph import Compute, Const
>>> def plan(value: float) -> Plan:
...     return Plan(nodes={"half": Compute(id="half", value=Const(value))})
>>> print("\\n".join(plan_diff(plan(0.5), plan(0.25))))
- half = 0.5
+ half = 0.25
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import ndiff
from typing import Any

from agentkit.events import Event
from agentkit.fold import fold
from agentkit.messages import Usage
from agentkit.outcome import Outcome
from agentkit.plan.graph import Plan
from agentkit.plan.source import to_source
from agentkit.state import RunState, owner
from agentkit.types import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A node in one of two runs: its tool, the arguments it was called with, what it came to.

    `args` and `outcome` are None where it did not start, or did not end.
    """

    tool: str | None = None
    args: Json = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDiff:
    """A node that was given something else, or came to something else."""

    node: str
    before: Side
    after: Side

    @property
    def given(self) -> bool:
        """Whether it was called otherwise."""
        return (self.before.tool, self.before.args) != (self.after.tool, self.after.args)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDiff:
    """How two runs differ. `plan` are lines: `- ` of the first only, `+ ` of the second only,
    `  ` of both; empty where the plans are the same."""

    runs: tuple[str, str]
    plan: Sequence[str] = ()
    nodes: Sequence[NodeDiff] = ()
    answers: tuple[str | None, str | None] = (None, None)
    usage: tuple[Usage, Usage] = field(default_factory=lambda: (Usage(), Usage()))

    @property
    def same(self) -> bool:
        """Whether plan, nodes and answer are the same; usage may differ."""
        return not self.plan and not self.nodes and self.answers[0] == self.answers[1]


def diff(before: Sequence[Event], after: Sequence[Event]) -> RunDiff:
    """How the second run differs from the first; nodes of the same name are compared, in the order
    of the plans."""
    one, other = fold(before), fold(after)
    sides = _sides(before, one), _sides(after, other)
    place = {
        name: at for at, name in enumerate(dict.fromkeys((*one.plan.nodes, *other.plan.nodes)))
    }
    names = sorted({**sides[0], **sides[1]}, key=lambda name: place.get(owner(name), -1))
    nodes = [
        NodeDiff(node=name, before=sides[0].get(name, Side()), after=sides[1].get(name, Side()))
        for name in names
        if _text(sides[0].get(name)) != _text(sides[1].get(name))
    ]
    return RunDiff(
        runs=(one.run, other.run),
        plan=plan_diff(one.plan, other.plan),
        nodes=nodes,
        answers=(one.answer, other.answer),
        usage=(one.usage, other.usage),
    )


def plan_diff(before: Plan, after: Plan) -> list[str]:
    """The lines of both plans' text, marked by where they stand; empty where they are the same."""
    lines = to_source(before).splitlines(), to_source(after).splitlines()
    if lines[0] == lines[1]:
        return []
    return [line for line in ndiff(*lines) if not line.startswith("?")]


def _sides(events: Sequence[Event], state: RunState) -> dict[str, Side]:
    started: dict[str, Mapping[str, Any]] = {
        event.node or "": event.data for event in events if event.type == "node.started"
    }
    return {
        name: Side(
            tool=started.get(name, {}).get("tool"),
            args=started.get(name, {}).get("args"),
            outcome=end,
        )
        for name, end in state.outcomes.items()
    }


def _text(side: Side | None) -> object:
    """What counts: seconds and attempts do not."""
    if side is None or side.outcome is None:
        return None
    end = side.outcome
    return repr((side.tool, side.args, end.status, end.value, end.failure))
