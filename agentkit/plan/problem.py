"""What is wrong with a plan, said so that a person or a model can mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

from agentkit.plan.graph import START, Position
from agentkit.types import Json

Code = Literal[
    "syntax",
    "outside_language",
    "unknown_tool",
    "unknown_argument",
    "missing_argument",
    "wrong_type",
    "unknown_name",
    "unknown_field",
    "cycle",
    "bound_twice",
    "limit",
    "budget",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One located problem: what was expected, what was found, and the nearest name if any.

    `str(problem)` is one line: `3:9 unknown_tool: expected a tool; found 'serch'; did you mean
    'search'?`.
    """

    code: Code
    expected: str
    found: str
    at: Position = START
    node: str | None = None
    nearest: str | None = None

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        place = f"{self.at.line}:{self.at.column}"
        return f"{place} {self.code}: expected {self.expected}; found {self.found}{hint}"


def problem_to_json(problem: Problem) -> dict[str, Json]:
    """The problem as an event keeps it.

    >>> problem = Problem(code="cycle", expected="an order", found="a loop", at=Position(2, 1))
    >>> problem_from_json(problem_to_json(problem)) == problem
    True
    """
    return {**asdict(problem), "at": list(problem.at)}


def problem_from_json(data: Mapping[str, Json]) -> Problem:
    """The problem that an event keeps."""
    fields = dict(cast("dict[str, Any]", data))
    fields["at"] = Position(*fields["at"])
    return Problem(**fields)
