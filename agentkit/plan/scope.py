"""What a statement may refer to: the tools, and the types of the inputs and nodes so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentkit.plan.graph import Guard, Node, Plan, When
from agentkit.plan.narrowing import NOTHING, Fact, facts_of
from agentkit.plan.types import Type, as_type

if TYPE_CHECKING:
    from agentkit.tool import Tool


@dataclass(frozen=True, slots=True)
class Scope:
    """The state of a check between two statements; `check_patch` gives the next one.

    `types` has a type for every name that may be used; those of `refused` are unknown, so that a
    mistake is reported once, where it was made. `depths` counts the nodes on the longest way from
    the inputs. `max_nodes` and `max_depth` are limits of the plan, None for none.
    """

    tools: Mapping[str, Tool]
    plan: Plan
    types: Mapping[str, Type]
    depths: Mapping[str, int] = field(default_factory=dict[str, int])
    refused: frozenset[str] = frozenset()
    max_nodes: int | None = None
    max_depth: int | None = None


def empty_scope(
    plan: Plan,
    tools: Mapping[str, Tool],
    *,
    max_nodes: int | None = None,
    max_depth: int | None = None,
) -> Scope:
    """A scope that knows the plan's inputs and nothing else."""
    return Scope(
        tools,
        Plan(inputs=plan.inputs),
        {name: as_type(schema) for name, schema in plan.inputs.items()},
        max_nodes=max_nodes,
        max_depth=max_depth,
    )


def shown_by_guards(when: When | None, nodes: Mapping[str, Node]) -> frozenset[Fact]:
    """What is known to be not null where a node runs at all, by its guard and that guard's own."""
    found = NOTHING
    seen: set[str] = set()
    while when is not None and when.guard not in seen:
        seen.add(when.guard)
        guard = nodes.get(when.guard)
        if not isinstance(guard, Guard):
            break
        found |= facts_of(guard.test, when.holds)
        when = guard.when
    return found
