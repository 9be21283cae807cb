"""How a node ended. Every node that starts has exactly one outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agentkit.budget import Cost, cost_from_json, cost_to_json
from agentkit.types import Json, Status


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong: the error's class name, its message, and whether a retry might help.

    For a skipped node `kind` is `"Blocked"` (a needed node failed) or `"Guarded"` (its guard did
    not hold) and `cause` names that node.
    """

    kind: str
    message: str
    retryable: bool = False
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A node's end. `value` counts only for status `"value"`, `failure` only for the others.

    `cost` is what the call said that it cost, None where it said nothing.
    """

    status: Status
    value: Json = None
    failure: Failure | None = None
    seconds: float = 0.0
    attempts: int = 1
    cost: Cost | None = None

    @property
    def ok(self) -> bool:
        """Whether the node came to a value."""
        return self.status == "value"


CUT_OFF: Final = Outcome(
    "cancelled", failure=Failure("CutOff", "a change of the plan left nothing that needs it")
)
"""The end of a node that a patch left without a way to the answer; resuming does not change it."""


TAKEN_OUT: Final = Outcome(
    "in_doubt",
    failure=Failure(
        "InDoubt",
        "a change of the plan removed it while it ran, and nobody knows whether it took effect; "
        "find out, then say so: agentkit resolve RUN NODE --done or --not-done",
    ),
)
"""The end of an effect that a patch removed in the middle."""


def outcome_to_json(outcome: Outcome) -> dict[str, Json]:
    """The data of a `node.ended` event.

    >>> outcome_to_json(Outcome("value", 7, seconds=0.5))
    {'status': 'value', 'seconds': 0.5, 'attempts': 1, 'value': 7}
    """
    data: dict[str, Json] = {
        "status": outcome.status,
        "seconds": outcome.seconds,
        "attempts": outcome.attempts,
    }
    if outcome.cost is not None:
        data["cost"] = cost_to_json(outcome.cost)
    failure = outcome.failure
    if failure is None:
        data["value"] = outcome.value
    else:
        data["failure"] = {
            "kind": failure.kind,
            "message": failure.message,
            "retryable": failure.retryable,
            "cause": failure.cause,
        }
    return data


def outcome_from_json(data: Mapping[str, Json]) -> Outcome:
    """The outcome in the data of a `node.ended` event.

    >>> failed = Outcome("failed", failure=Failure("ToolError", "no such page"))
    >>> outcome_from_json(outcome_to_json(failed)) == failed
    True
    """
    fields: Any = data
    failure, cost = fields.get("failure"), fields.get("cost")
    return Outcome(
        fields["status"],
        fields.get("value"),
        None if failure is None else Failure(**failure),
        fields["seconds"],
        fields["attempts"],
        None if cost is None else cost_from_json(cost),
    )
