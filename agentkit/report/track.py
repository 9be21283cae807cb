"""What a step has been doing, noted while its events come: when it waited, ran, tried again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from agentkit.decisions import Decision, Question
from agentkit.events import Event
from agentkit.outcome import Outcome
from agentkit.plan.graph import Call, Node
from agentkit.report.view import Asked, Attempt, Span
from agentkit.types import Json


@dataclass(slots=True)
class Track:
    """One step. `since_s` is when it began to wait for its turn; `above` is the step that this
    one is an element of, or a call in. Of one that the plan has no more, `was` says why."""

    name: str
    anchor: str
    since_s: float
    node: Node | Call | None = None
    above: str = ""
    turn: int = 0
    was: str = ""
    tool: str = ""
    args: dict[str, Json] | None = None
    effect: str = ""
    inner: str = ""
    elements: int = 0
    progress: str = ""
    spans: list[Span] = field(default_factory=list[Span])
    outcome: Outcome | None = None
    retries: list[Attempt] = field(default_factory=list[Attempt])
    questions: dict[str, Question] = field(default_factory=dict[str, Question])
    decisions: list[Decision] = field(default_factory=list[Decision])
    models: dict[str, Asked] = field(default_factory=dict[str, Asked])
    inside: list[str] = field(default_factory=list[str])
    events: list[Event] = field(default_factory=list[Event])

    def begin(self, what: Literal["run", "asked"], now_s: float) -> None:
        """It starts to run, or to wait for somebody; until now it waited for its turn."""
        if not self.close(now_s) and now_s > self.since_s:
            self.spans.append(Span("wait", self.since_s, now_s))
        self.spans.append(Span(what, now_s))
        self.since_s = now_s

    def retry(self, now_s: float, wait_s: float) -> None:
        """An attempt failed; after the wait it runs again."""
        self.close(now_s)
        self.spans += [Span("retry", now_s, now_s + wait_s), Span("run", now_s + wait_s)]

    def wait(self, now_s: float) -> None:
        """It waits for its turn, whatever it did before."""
        self.close(now_s)
        self.since_s = now_s

    def end(self, now_s: float, seconds: float) -> None:
        """It has ended. What never started (a computation, a guard) ran at its end."""
        if not self.close(now_s):
            started_s = max(self.since_s, now_s - seconds)
            if started_s > self.since_s:
                self.spans.append(Span("wait", self.since_s, started_s))
            if seconds:
                self.spans.append(Span("run", started_s, now_s))
        self.since_s = now_s

    def close(self, now_s: float) -> bool:
        """End what is going on; whether there was anything."""
        if not self.spans or self.spans[-1].end_s is not None:
            return False
        what, start_s, _ = self.spans.pop()
        if start_s <= now_s:
            self.spans.append(Span(what, start_s, now_s))
        elif self.spans:  # it ended while it waited to try again
            self.spans[-1] = self.spans[-1]._replace(end_s=now_s)
        return True


def above(name: str) -> str:
    """The step that an element or a call in one belongs to; empty for a node of the plan.

    >>> above("notes[3].summarize_1"), above("notes[3]"), above("notes")
    ('notes[3]', 'notes', '')
    """
    if "[" not in name:
        return ""
    element, dot, _ = name.rpartition("].")
    return f"{element}]" if dot else name.partition("[")[0]
