"""A run's state: where it stands after its events, which `agentkit.fold` reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, cast

from agentkit.budget import Spent
from agentkit.decisions import Decision, Question
from agentkit.messages import Usage
from agentkit.outcome import CUT_OFF, Outcome
from agentkit.plan.graph import Node, Patch, Plan, needs
from agentkit.types import Json

RunStatus = Literal["running", "answered", "failed", "cancelled", "paused"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A text that the check refused: the planner's turn, its source, the problems as JSON."""

    turn: int
    source: str
    problems: tuple[Mapping[str, Json], ...]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call of a model. `answer` is the data of its `model.answered` event, None until it came."""

    purpose: str
    prompt_sha256: str
    answer: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """Where a run stands. `{}` and None stand for what has not happened yet.

    `outcomes` are of nodes, map elements (`notes[3]`) and their calls (`notes[3].summarize_1`).
    `started` are the nodes that started and did not end, `intents` the idempotency keys of effects
    that were begun and have no receipt, by node, `effects` what those with a receipt came to, by
    key. `asked` are the calls that wait for a decision, by node, `decisions` those taken, by the
    call's key. `turn` is the number of the planner's next turn, `turn_ended` how the last one
    ended, None while one is open, `turn_grew` whether it changed the plan; `repairs` is the number
    of turns that ended with problems, `told` are the failures that the planner has been told of.
    `output` is the answer in the JSON of the agent's output type. After `run.resumed`, nodes that
    ended `cancelled` have no outcome any more: they start again.

    `turn_plan` is the plan as the open turn of the planner found it, `turn_patches` what that turn
    has changed in it so far: a turn that was cut off is taken again from where it began.
    """

    run: str = ""
    task: str = ""
    agent: str = ""
    origin: str = ""
    session: str | None = None
    model: str = ""
    tools: tuple[str, ...] = ()
    inputs: Mapping[str, Json] = field(default_factory=dict[str, Json])
    plan: Plan = field(default_factory=Plan)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict[str, Outcome])
    started: frozenset[str] = frozenset()
    intents: Mapping[str, str] = field(default_factory=dict[str, str])
    effects: Mapping[str, Outcome] = field(default_factory=dict[str, Outcome])
    asked: Mapping[str, Question] = field(default_factory=dict[str, Question])
    decisions: Mapping[str, Decision] = field(default_factory=dict[str, Decision])
    turn: int = 0
    turn_ended: str | None = None
    turn_grew: bool = False
    repairs: int = 0
    told: frozenset[str] = frozenset()
    turn_plan: Plan = field(default_factory=Plan)
    turn_patches: tuple[Patch, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    calls: Mapping[str, ModelCall] = field(default_factory=dict[str, ModelCall])
    usage: Usage = field(default_factory=Usage)
    spent: Spent = field(default_factory=Spent)
    status: RunStatus = "running"
    answer: str | None = None
    output: Json = None
    cites: tuple[str, ...] = ()
    error: str | None = None
    error_kind: str | None = None
    seq: int = 0


def unheard(state: RunState) -> list[str]:
    """The effects that were begun and of which nobody knows yet what they came to, by node. A
    call that failed without an answer is none: it has ended, whatever it did."""
    ends = {name: state.outcomes.get(name) for name in state.intents}
    return [
        name
        for name, end in ends.items()
        if end is None or end.status == "in_doubt" or (end.status == "cancelled" and end != CUT_OFF)
    ]


def dependants(nodes: Mapping[str, Node], names: Iterable[str]) -> set[str]:
    """The nodes that need one of these names, directly or through others. Linear in the plan."""
    users: dict[str, list[str]] = {}
    for node in nodes.values():
        for name in needs(node):
            users.setdefault(name, []).append(node.id)
    found: set[str] = set()
    todo = list(names)
    while todo:
        for user in users.get(todo.pop(), ()):
            if user not in found:
                found.add(user)
                todo.append(user)
    return found


def owner(name: str) -> str:
    """The plan's node that a node, an element or an element's call belongs to."""
    return caller(name).partition("[")[0]


def caller(name: str) -> str:
    """The node of this run under which a question was asked: `r` for `r/s`, the question about `s`
    of the run that the call `r` is."""
    return name.partition("/")[0]


def usage_to_json(usage: Usage) -> dict[str, Json]:
    """A usage as `model.answered` events carry it; money is a decimal string, None if unknown."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "calls": usage.calls,
        "cost_usd": None if usage.cost_usd is None else str(usage.cost_usd),
        "estimated": usage.estimated,
    }


def usage_from_json(data: Mapping[str, Json]) -> Usage:
    """The usage that an event carries.

    >>> usage_from_json(usage_to_json(Usage(12, 3, calls=1, cost_usd=Decimal("0.0004"))))
    Usage(input_tokens=12, output_tokens=3, cached_tokens=0, calls=1, cost_usd=Decimal('0.0004'),\
 estimated=False)
    """
    fields = dict(cast("dict[str, Any]", data))
    cost = fields.pop("cost_usd", None)
    return Usage(**fields, cost_usd=None if cost is None else Decimal(cost))
