"""What a running call may know and do, and the key under which its effect is done once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

from agentkit.budget import NOTHING, Cost
from agentkit.decisions import Decision
from agentkit.errors import UsageError
from agentkit.events import EventType
from agentkit.types import Json

if TYPE_CHECKING:
    from agentkit.protocols import ArtifactStore, Model

Record: TypeAlias = Callable[[EventType, str | None, Mapping[str, Json]], None]
"""Appends an event of the run, or shows a transient one. May raise `StoreError`."""

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(args: Mapping[str, Json]) -> str:
    """The one JSON text of these arguments, whatever the order of their names."""
    return _CANONICAL.encode(args)


def idempotency_key(run: str, node: str, arguments: str, *, tool: str = "") -> str:
    """64 hex digits from the run, the node, its canonical arguments and tool; never from the model.

    The tool is part of it because a patch may put another one in a node's place: what was done, or
    approved, of one tool says nothing of the other.

    >>> idempotency_key("r1", "n1", canonical({"a": 1}), tool="pay")[:8]
    '1e52ecba'
    """
    return sha256(json.dumps([run, node, tool, arguments]).encode()).hexdigest()


@dataclass(slots=True, eq=False)
class CallContext:
    """The `agentkit.tool.Context` of one call. `attempts` counts those begun, `cost` is what the
    call has said so far; `decisions` are those taken in the run, by key."""

    run: str
    task: str
    node: str
    artifacts: ArtifactStore
    arguments: str
    model_for: Callable[[str], Model] | None
    report: Record
    tool: str = ""
    attempts: int = 0
    cost: Cost | None = None
    decisions: Mapping[str, Decision] = field(default_factory=dict[str, Decision])

    @property
    def key(self) -> str:
        """The call's idempotency key."""
        return idempotency_key(self.run, self.node, self.arguments, tool=self.tool)

    @property
    def inner_run(self) -> str:
        """The id of the run that this call is, where it is one: found again by the key."""
        return f"{self.run}/{self.key[:12]}"

    @property
    def model(self) -> Model:
        """The agent's model, journaled under this node. Raises `UsageError` if there is none."""
        if self.model_for is None:
            raise UsageError(
                f"node {self.node!r} asked for the agent's model and there is none; "
                "pass Agent(model=…)"
            )
        return self.model_for(self.node)

    def progress(self, done: float, total: float | None = None, unit: str = "") -> None:
        """Tell whoever follows the run how far this call is; from any thread."""
        self.report("node.progress", self.node, {"done": done, "total": total, "unit": unit})

    def spend(self, *, usd: Decimal | None = None, tokens: int | None = None) -> None:
        """Say what this call has cost, besides the agent's model; what is said adds up."""
        said, more = self.cost or Cost(), Cost(usd=usd, tokens=tokens)
        self.cost = Cost(
            usd=said.usd if more.usd is None else (said.usd or NOTHING) + more.usd,
            tokens=said.tokens if tokens is None else (said.tokens or 0) + tokens,
        )
