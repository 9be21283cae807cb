"""How a node ended. Every node that starts has exactly one outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

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
    """A node's end. `value` counts only for status `"value"`, `failure` only for the others."""

    status: Status
    value: Json = None
    failure: Failure | None = None
    seconds: float = 0.0
    attempts: int = 1

    @property
    def ok(self) -> bool:
        """Whether the node came to a value."""
        return self.status == "value"


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
    fields = cast("dict[str, Any]", data)
    failure = fields.get("failure")
    return Outcome(
        fields["status"],
        fields.get("value"),
        None if failure is None else Failure(**failure),
        fields["seconds"],
        fields["attempts"],
    )
