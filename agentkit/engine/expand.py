"""Maps: a chain of calls for each element of a list that is known only at run time."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agentkit.engine.item import Element, Item, Scope
from agentkit.engine.lane import Lane
from agentkit.errors import EvaluationError
from agentkit.outcome import Failure, Outcome
from agentkit.plan.evaluate import evaluate, evaluate_each
from agentkit.plan.graph import Call, Map, needs
from agentkit.types import Json


@dataclass(frozen=True, slots=True)
class Link:
    """An item and the items that it needs."""

    item: Item
    needs: Sequence[Item]


def scopes(node: Map, scope: Mapping[str, Json]) -> list[Scope]:
    """A scope for each element that the map is about, over the plan's own.

    Raises `EvaluationError` where there is no list, or where an element has no verdict.
    """
    elements = evaluate(node.over, scope)
    if not isinstance(elements, list):
        raise EvaluationError(f"expected a list to map over; came {type(elements).__name__}")
    inner: list[Scope] = [ChainMap({node.var: each}, scope) for each in elements]  # type: ignore[arg-type]
    if node.where is None:
        return inner
    return [
        each for each, holds in zip(inner, evaluate_each(node.where, inner), strict=True) if holds
    ]


def expand(
    node: Map,
    inner: Sequence[Scope],
    *,
    order: Callable[[], int],
    lane: Callable[[Call], Lane],
    estimate: Callable[[Call], float],
) -> list[Link]:
    """The items of a map: each element's calls, and the element itself, which needs them all.

    Calls of different elements never wait for one another.
    """
    names = {call.id for call in node.body}
    body = [(call, sorted(needs(call) & names), lane(call), estimate(call)) for call in node.body]
    links: list[Link] = []
    for index, scope in enumerate(inner):
        element = f"{node.id}[{index}]"
        calls: dict[str, Item] = {}
        for call, wanted, its_lane, seconds in body:
            item = Item(f"{element}.{call.id}", call, order(), scope, call.id, seconds, its_lane)
            item.element = True
            links.append(Link(item, [calls[name] for name in calls if name in wanted]))
            calls[call.id] = item
        end = Item(element, Element(element, node.value), order(), scope)
        end.element = True
        links.append(Link(end, list(calls.values())))
    return links


def gathered(elements: Sequence[Item], seconds: float) -> Outcome:
    """What a map comes to: the list of its elements' values, or a failure that names elements."""
    values: list[Json] = []
    failed: list[tuple[Item, Outcome]] = []
    for element in elements:
        outcome = element.outcome
        assert outcome is not None, f"{element.id} has not ended"
        if outcome.ok:
            values.append(outcome.value)
        else:
            failed.append((element, outcome))
    if not failed:
        return Outcome("value", values, seconds=seconds)
    reasons = "; ".join(f"{element.id}: {_reason(element, end)}" for element, end in failed[:5])
    more = f"; and {len(failed) - 5} more" if len(failed) > 5 else ""
    message = f"{len(failed)} of {len(elements)} elements came to no value: {reasons}{more}"
    return Outcome("failed", failure=Failure("ElementsFailed", message), seconds=seconds)


def _reason(element: Item, outcome: Outcome) -> str:
    """The failure of the call that kept the element from its value, else the element's own."""
    for call in element.needs:
        end = call.outcome
        if end is not None and end.status not in ("value", "skipped") and end.failure is not None:
            return f"{end.failure.kind}: {end.failure.message}"
    return outcome.failure.message if outcome.failure is not None else outcome.status
