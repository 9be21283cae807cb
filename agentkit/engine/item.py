"""What the scheduler moves about: a plan's node, an element of a map, or an element's call."""

from __future__ import annotations

from asyncio import Task
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from agentkit.budget import Amounts
from agentkit.outcome import Outcome
from agentkit.plan.graph import Arg, Node
from agentkit.types import Json

if TYPE_CHECKING:
    from agentkit.engine.lane import Lane

State = Literal["waiting", "ready", "running", "asked", "ended"]
Scope: TypeAlias = MutableMapping[str, Json]


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a map, once its calls have ended: `value` is what it contributes."""

    id: str
    value: Arg


@dataclass(slots=True, eq=False)
class Item:
    """A node and where it stands. Identity counts: a replaced node is another item.

    `name` is what `scope` knows the value by; an element has none. `waits` counts the needs that
    have not ended, `tail` is the longest remaining path in seconds, this item's own time included.
    """

    id: str
    node: Node | Element
    order: int
    scope: Scope
    name: str | None = None
    estimate: float = 0.0
    lane: Lane | None = None
    element: bool = False
    """Belongs to an element of a map."""
    tolerant: bool = False
    """Runs also where something that it needs came to no value."""
    guard: Item | None = None
    holds: bool = True
    state: State = "waiting"
    waits: int = 0
    tail: float = 0.0
    depth: int = 1
    needs: list[Item] = field(default_factory=list["Item"])
    dependants: list[Item] = field(default_factory=list["Item"])
    cause: str | None = None
    """The root of the first failure among its needs."""
    outcome: Outcome | None = None
    children: list[Item] | None = None
    """A map's elements and their calls, once it has been expanded."""
    begun: bool = False
    """Its start is in the journal, so its end has to be."""
    began: float = 0.0
    """When a map was expanded, by the loop's clock."""
    receipt: str | None = None
    """The idempotency key of an effect that has been answered, for the receipt."""
    task: Task[None] | None = None
    cost: Amounts | None = None
    """What its call has cost, its calls of the model apart; None where none was made."""
    lingering: int = 0
    """Abandoned threads that still work for it, and so hold its places."""
