"""How a node ended. Every node that starts has exactly one outcome."""

from __future__ import annotations

from dataclasses import dataclass

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
