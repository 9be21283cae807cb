"""What a finished run gives back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, fields
from typing import Generic, TypeVar

from agentkit.budget import Spent
from agentkit.errors import RunError
from agentkit.events import Event
from agentkit.media import Artifact
from agentkit.messages import Usage
from agentkit.outcome import Outcome
from agentkit.plan.graph import Plan
from agentkit.text import cut
from agentkit.types import Json

Output = TypeVar("Output")
MOST_CHARACTERS = 4000
"""Of a tool's failure, where it is all that is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Generic[Output]):
    """A run that came to an answer.

    `answer` is its text; `output` the typed answer where the agent has an output type, else the
    text; `cites` the node ids that the answer rests on, all of them in `outcomes`; `spent` what
    its models and tools have cost together.
    """

    id: str
    task: str
    answer: str
    output: Output
    plan: Plan
    outcomes: Mapping[str, Outcome]
    usage: Usage
    cites: tuple[str, ...] = ()
    spent: Spent = field(default_factory=Spent)

    @property
    def failures(self) -> Mapping[str, Outcome]:
        """The nodes that failed on the way; the answer was told of them."""
        return {name: end for name, end in self.outcomes.items() if end.status == "failed"}

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """The artifact handles among the results, by the place where they were found."""
        found: dict[str, Artifact] = {}
        for name, outcome in self.outcomes.items():
            _collect(name, outcome.value, found)
        return found


async def of_one_call(events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """The events of a run that is a single call.

    Where the call failed, the `RunError` says what the tool does, without what that means for the
    answer of a run: whoever calls a tool asks for none.
    """
    said = ""
    try:
        async with aclosing(events) as coming:
            async for event in coming:
                if event.type == "node.ended":
                    failure = event.data.get("failure")
                    said = str(failure.get("message")) if isinstance(failure, dict) else ""
                yield event
    except RunError as error:
        if type(error) is not RunError or not said:
            raise
        plain = RunError(cut(said, MOST_CHARACTERS))
        plain.run_id = error.run_id
        raise plain from error


_HANDLE = {"sha256", "media_type", "size_bytes"}
_FIELDS = {field.name for field in fields(Artifact)}


def _collect(place: str, value: Json, found: dict[str, Artifact]) -> None:
    match value:
        case dict() if _HANDLE <= value.keys() <= _FIELDS:
            found[place] = Artifact(**value)  # type: ignore[arg-type]
        case dict():
            for key, inner in value.items():
                _collect(f"{place}.{key}", inner, found)
        case list():
            for index, inner in enumerate(value):
                _collect(f"{place}[{index}]", inner, found)
        case _:
            pass
