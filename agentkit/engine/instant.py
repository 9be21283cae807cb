"""Nodes that take no time: computations, guards, observations, the ends of a map's elements."""

from __future__ import annotations

from collections.abc import Mapping

from agentkit.engine.item import Element
from agentkit.errors import EvaluationError
from agentkit.outcome import Failure, Outcome
from agentkit.plan.evaluate import evaluate
from agentkit.plan.graph import Arg, Compute, Guard, Observe, names_in
from agentkit.types import Json


def instant(node: Compute | Guard | Observe | Element, scope: Mapping[str, Json]) -> Outcome:
    """The outcome, now. A guard's value is a bool, an observation's the list of what it shows."""
    try:
        return Outcome("value", _value(node, scope))
    except EvaluationError as error:
        return Outcome("failed", failure=Failure("EvaluationError", str(error)))


def _value(node: Compute | Guard | Observe | Element, scope: Mapping[str, Json]) -> Json:
    match node:
        case Compute() | Element():
            return evaluate(node.value, scope)
        case Guard():
            return bool(evaluate(node.test, scope))
        case Observe():
            return [_if_known(arg, scope) for arg in node.using]


def _if_known(arg: Arg, scope: Mapping[str, Json]) -> Json:
    """None for what came to no value: the planner sees why in the outcomes."""
    return evaluate(arg, scope) if all(name in scope for name in names_in(arg)) else None
