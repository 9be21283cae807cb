"""The words of /runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, Field, JsonValue

from agentkit.serve.files import DataUrl
from agentkit.serve.operation import AgentName

Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_CLOSED = Field(json_schema_extra={"additionalProperties": False})
Sentence: TypeAlias = Annotated[str, Field(pattern=r"\S")]
Node: TypeAlias = Annotated[str, Field(min_length=1)]
Args: TypeAlias = dict[str, JsonValue]


class File(BaseModel):
    """A file for a run."""

    data: DataUrl
    name: str = ""


class Start(BaseModel, extra="forbid"):
    """A task for an agent. Values and files are inputs that the plan may use by name; of two with
    one name the file counts.

    `session` names a conversation that goes on over several runs.
    """

    agent: AgentName
    task: Sentence
    values: Annotated[dict[Name, JsonValue], _CLOSED] = {}
    files: Annotated[dict[Name, File], _CLOSED] = {}
    session: str | None = None


class Approve(BaseModel, extra="forbid"):
    """The call of a node may be made; `args` take the place of those that they name."""

    node: Node
    args: Args = {}


class Deny(BaseModel, extra="forbid"):
    """The call of a node must not be made; the planner hears the reason."""

    node: Node
    reason: str = ""


class Resolve(BaseModel, extra="forbid"):
    """Whether the call of a node that is in doubt took effect, and what it came to if so."""

    node: Node
    done: bool
    value: JsonValue = None


class Fork(BaseModel, extra="forbid"):
    """The node to change, and what about it."""

    node: Node
    args: Args = {}
    tool: str | None = None


class Waiting(BaseModel):
    """A call that waits for somebody's approval, with its literal arguments.

    `accepts` is the JSON Schema of what its tool takes.
    """

    node: str
    tool: str
    effect: str
    args: dict[str, Any]
    key: str
    why: str
    accepts: dict[str, Any] | None


class Run(BaseModel):
    """A run as it stands: what `agentkit show --json` prints, and what of it waits.

    `live` says whether it goes on in this server.
    """

    run: str
    task: str
    agent: str
    session: str | None
    model: str
    status: str
    created: float
    answer: str | None
    output: Any
    cites: list[str]
    error: str | None
    plan: str
    steps: list[dict[str, Any]]
    usage: dict[str, Any]
    spent: dict[str, Any]
    waiting: list[Waiting]
    live: bool
    events: int


class Line(BaseModel):
    """A run in a list. `within` is the run that it is a call of."""

    run: str
    task: str
    status: str
    created: float
    updated: float
    events: int
    within: str
    live: bool


class Lines(BaseModel):
    """Runs, the newest first. `next` is what to ask for as `after` to read on; null at the end."""

    runs: list[Line]
    next: str | None


Status: TypeAlias = Literal[
    "", "running", "answered", "failed", "cancelled", "paused", "ready", "scheduled", "damaged"
]


STATUSES: tuple[str, ...] = tuple(one for one in get_args(Status) if one)


class Which(BaseModel, extra="forbid"):
    """Which runs to list: of a status, with a text in their task, after a run of the list, calls
    of others among them or not."""

    status: Status = ""
    text: str = ""
    after: str = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    calls: bool = False


class Since(BaseModel, extra="forbid"):
    """The number of the last event that is known; the header `Last-Event-ID` counts for more."""

    after: Annotated[int, Field(ge=0, le=2**53)] = 0
