"""What a page shows of a run: frozen data, made from its events by `agentkit.report.chronicle`.

Times are seconds of the run's own time: it starts at 0 and stands still while the run is stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from agentkit.budget import Spent
from agentkit.decisions import Decision, Question
from agentkit.events import Event
from agentkit.messages import Usage
from agentkit.outcome import Failure
from agentkit.plan.graph import Plan
from agentkit.state import Refusal, RunStatus
from agentkit.types import Json

Shown: TypeAlias = Literal[
    "wait", "running", "retrying", "asked",
    "value", "failed", "skipped", "cancelled", "denied", "in_doubt", "not_run",
]  # fmt: skip
"""How far a step is. `not_run`: the run ended before it could start."""

WORDS: Mapping[Shown, str] = {
    "wait": "waits", "running": "running", "retrying": "tries again", "asked": "needs approval",
    "value": "done", "failed": "failed", "skipped": "skipped", "cancelled": "cancelled",
    "denied": "denied", "in_doubt": "in doubt", "not_run": "not run",
}  # fmt: skip

OPEN: frozenset[Shown] = frozenset(("wait", "running", "retrying", "asked"))
"""Those that may still change by themselves."""


class Link(NamedTuple):
    """A name and the place on the page that tells of it; without a place it is only a name."""

    name: str
    anchor: str = ""


class Bit(NamedTuple):
    """A piece of source text; `anchor` where it names a step or an input."""

    text: str
    anchor: str = ""


class Argument(NamedTuple):
    """An argument: how the plan writes it, with its references as links, and what it came to.

    `source` is empty for a literal; `resolved` says whether `value` is known.
    """

    name: str
    source: tuple[Bit, ...] = ()
    value: Json = None
    resolved: bool = False


class Span(NamedTuple):
    """What a step did from `start_s` to `end_s`; None is an end that has not come."""

    what: Literal["wait", "run", "retry", "asked"]
    start_s: float
    end_s: float | None = None


class Attempt(NamedTuple):
    """An attempt that failed and was made again after `wait_s` seconds."""

    number: int
    error: str
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call of a model. `text` is None until the reply came; `error` says why none did."""

    call: str
    purpose: str
    model: str
    prompt_sha256: str
    span: Span
    text: str | None = None
    calls: Json = None
    finish: str | None = None
    error: str = ""
    usage: Usage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A value that the caller gave."""

    name: str
    anchor: str
    value: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A node of the plan, an element of a map, or a call in one.

    `was` says what became of one that the plan has no more (`replaced`, `removed`). `kind` is the
    node's, or `element`. `cause` is the step that kept this one from running, `blocks` those that
    this one kept from it. `inner` is the run that the call is, `inside` the elements and their
    calls, of which `hidden` are left out.
    """

    name: str
    anchor: str
    kind: str
    status: Shown
    tool: str = ""
    statement: str = ""
    turn: int = 0
    was: str = ""
    effect: str = ""
    arguments: tuple[Argument, ...] = ()
    guard: Link | None = None
    value: Json = None
    failure: Failure | None = None
    cause: Link | None = None
    blocks: tuple[Link, ...] = ()
    seconds: float | None = None
    cost: str = ""
    spans: tuple[Span, ...] = ()
    attempts: int = 0
    retries: tuple[Attempt, ...] = ()
    questions: tuple[Question, ...] = ()
    decisions: tuple[Decision, ...] = ()
    models: tuple[Asked, ...] = ()
    inner: str = ""
    inside: tuple[Step, ...] = ()
    hidden: int = 0
    elements: int = 0
    progress: str = ""
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn of the planner: the text it wrote, what of it was refused, how it ended."""

    number: int
    source: str = ""
    refusals: tuple[Refusal, ...] = ()
    ended: str = ""
    told: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A whole run. `began` is in seconds since the epoch, `seconds` its own time so far.

    `steps` are the plan's nodes and what was replaced or removed; `models` the calls of models by
    the run itself; `questions` those about the run as a whole; `stops` when it was stopped and
    went on; `places` where steps and their elements are on the page, by name; `log` its events.
    """

    run: str
    anchor: str
    task: str
    status: RunStatus
    began: float
    seconds: float
    agent: str = ""
    model: str = ""
    origin: str = ""
    session: str | None = None
    tools: tuple[str, ...] = ()
    within: str = ""
    forked: str = ""
    inputs: tuple[Input, ...] = ()
    plan: Plan
    steps: tuple[Step, ...] = ()
    answer: str = ""
    output: Json = None
    sources: tuple[Link, ...] = ()
    error: str = ""
    error_kind: str = ""
    models: tuple[Asked, ...] = ()
    turns: tuple[Turn, ...] = ()
    questions: tuple[Question, ...] = ()
    decisions: tuple[Decision, ...] = ()
    stops: tuple[float, ...] = ()
    usage: Usage
    spent: Spent
    log: tuple[Event, ...] = ()
    places: Mapping[str, str]
