"""Every socket of agentkit on one page. What has these methods fits; nothing needs a base class."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from agentkit.plan.graph import Patch, Plan
from agentkit.plan.problem import Problem
from agentkit.types import Json, Schema

if TYPE_CHECKING:
    from pathlib import Path

    from agentkit.events import Event
    from agentkit.media import Artifact
    from agentkit.messages import Delta, Message, Profile, Request
    from agentkit.outcome import Outcome
    from agentkit.tool import Tool


class Clock(Protocol):
    """Seconds since the epoch. Passed in, so that a test can own the time."""

    def __call__(self) -> float: ...


class Model(Protocol):
    """A language model."""

    @property
    def name(self) -> str:
        """Provider and model, as in `openai:gpt-5`."""
        ...

    @property
    def profile(self) -> Profile:
        """What this endpoint can do."""
        ...

    def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """The reply as it is written; the last delta is `Done`. Failures are `ModelError`.

        Closing the generator early stops the model.
        """
        ...


class Scorer(Protocol):
    """Tells how likely a reply is."""

    async def log_probabilities(self, request: Request, text: str) -> Sequence[float]:
        """The natural logarithm of the probability of each token of `text`, and of the end after
        it, as the reply to the request; the same number of them for any request."""
        ...


class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """float32, shape (len(texts), dimensions), rows L2-normalised. Blocking."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A task and the plan text that served it well."""

    task: str
    plan: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """All a planner knows when its turn comes. Planners keep no state of their own between turns.

    `plan` is what stands so far (empty at first), `outcomes` what its nodes came to, `problems`
    why the last statements were refused, `refused` their text, `turn` counts from 0.
    """

    task: str
    plan: Plan
    tools: Mapping[str, Tool]
    model: Model
    outcomes: Mapping[str, Outcome] = field(default_factory=dict[str, "Outcome"])
    problems: Sequence[Problem] = ()
    refused: str = ""
    turn: int = 0
    examples: Sequence[Example] = ()
    history: Sequence[Message] = ()
    instructions: str = ""


class Planner(Protocol):
    """Turns a brief into a stream of patches."""

    def propose(self, brief: Brief) -> AsyncGenerator[Patch | Problem, None]:
        """A patch for each statement as soon as it closes, a problem for each one outside the
        language. The end of the iteration ends the turn; yielding nothing means the plan stands.
        """
        ...


class Memory(Protocol):
    """What outlives a run."""

    async def recall(self, task: str, *, session: str | None) -> Recalled:
        """What helps with this task: turns of the session, plans of similar tasks."""
        ...

    async def store(self, task: str, *, session: str | None, plan: str, answer: str) -> None:
        """Keep a run that ended well. `plan` is empty where a step of it failed on the way."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What memories give to a planner."""

    history: Sequence[Message] = ()
    examples: Sequence[Example] = ()


@runtime_checkable
class Toolset(Protocol):
    """Tools that come from elsewhere: a server, a document. `Agent(tools=[toolset])` takes them."""

    def tools(self, folder: Path) -> Sequence[Tool]:
        """Them all; asked once for an agent, when it is first used. Blocking.

        `folder` is the agent's store, for what is kept between programs. Raises `UsageError` where
        they cannot be had.
        """
        ...


class ArtifactStore(Protocol):
    """Bytes by their sha256."""

    def put(self, data: bytes, *, media_type: str, name: str = "") -> Artifact:
        """Stores the bytes (once) and gives their handle. Raises `StoreError`."""
        ...

    def put_file(self, path: Path, *, media_type: str | None = None) -> Artifact:
        """Stores a file's bytes; the media type is guessed from name and content if not given.

        Raises `UsageError` where the file cannot be read, `StoreError` where it cannot be stored.
        """
        ...

    def path(self, sha256: str) -> Path:
        """A local, read-only file with the bytes. Raises `StoreError` if there are none."""
        ...

    def read(self, sha256: str) -> bytes:
        """The bytes, verified. Raises `StoreError` if absent or altered."""
        ...


class OwnedArtifacts(ArtifactStore, Protocol):
    """An artifact store as its owner has it, and no tool."""

    def sweep(self, keep: Set[str], *, before: float, dry_run: bool = False) -> Swept:
        """Removes what is not to keep and was last stored before that time, in seconds since the
        epoch. Storing bytes that are here already counts as storing them. Raises `StoreError`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How many artifacts a sweep removed, and their size."""

    artifacts: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A line of `agentkit runs`.

    `status` is `running` until a `run.ended` event says otherwise: its process may have gone, and
    then `agentkit resume` goes on. It is `damaged` where the first or the last event cannot be
    read. Of submitted runs the queue knows more: `scheduled` before their time, `ready` where a
    worker may go on, `running` where one holds them.
    """

    run: str
    task: str
    status: str
    created: float
    events: int
    updated: float
    """The time of its last event."""
    within: str = ""
    """The run that this one is a call of, if it is one."""


class Journal(Protocol):
    """Where events are kept.

    Several may write one run, here and elsewhere, and a number is one event's: whoever comes second
    with it is refused, with all that comes from there afterwards. `by` tells writers apart: any
    hashable object, the same one for all that is written from one reading of the run. Whoever names
    none is the same writer of a run as all others who do not.
    """

    def append(self, event: Event, by: object = None) -> None:
        """Queue an event; order is kept. A writer that was refused gets its `StoreError` here:
        `RunTaken` where a number was another's."""
        ...

    def publish(self, event: Event) -> None:
        """Show a transient event to followers without keeping it."""
        ...

    async def flush(self, run: str | None = None, by: object = None) -> None:
        """Returns when everything appended so far is durable. Raises `StoreError` if it cannot be:
        what this writer of that run appended, or, without a run, anything that was lost and nobody
        has been told of yet."""
        ...

    async def events(self, run: str, *, after: int = 0) -> Sequence[Event]:
        """The stored events of a run with `seq > after`, in order."""
        ...

    def tail(self, run: str, *, after: int = 0, by: object = None) -> AsyncGenerator[Event, None]:
        """The stored events, then each new one as it comes, until `run.ended`.

        A run that has ended ends the iteration at once: to follow one that goes on, append its
        `run.resumed` first. With `by`, it ends with the `StoreError` of that
        writer where it is refused.
        """
        ...

    async def runs(self, *, limit: int = 50) -> Sequence[RunSummary]:
        """The newest runs first."""
        ...

    async def forget(self, run: str, *, events: int) -> bool:
        """Remove a run that has so many events, durably. False, and nothing is removed, where it
        has gone on meanwhile. Raises `StoreError`."""
        ...

    async def references(self) -> Set[str]:
        """The sha256 of every artifact that a stored event or cached value names, wherever in it,
        and of those that hold its long values. Others that look like one may be among them."""
        ...

    async def get(self, key: str) -> Json:
        """A cached value by key, or None."""
        ...

    def put(self, key: str, value: Json) -> None:
        """Queue a cached value."""
        ...

    async def close(self) -> None:
        """Flush and let go of the store."""
        ...


ANY_DEATHS = range(2**31)


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that a worker holds. `deaths` of its holders in a row gave no more sign of life: none
    of them ended it, let it wait or gave it back."""

    run: str
    deaths: int = field(default=0, kw_only=True)


class RunQueue(Protocol):
    """Submitted runs, each carried on by one worker at a time.

    A worker holds what it claims as long as its lease runs; then the store refuses its events, and
    others may claim the run. Leases are measured by the store's clock. A run comes into the queue,
    waits in it or leaves it by its events, as they are stored. Everything raises `StoreError`.
    """

    async def join(self, worker: str, *, lease_s: float) -> None:
        """A lease of `lease_s` seconds for a new worker: one name is used once."""
        ...

    async def renew(self, worker: str, *, lease_s: float) -> bool:
        """Whether the lease was still running; it ends `lease_s` seconds from now then. One that
        is over stays so: the worker must drop its runs and join under a new name."""
        ...

    async def claim(
        self, worker: str, *, limit: int, deaths: range = ANY_DEATHS
    ) -> Sequence[Claim]:
        """Runs that are this worker's now, at most `limit`: those that wait longest, and those of
        workers whose lease is over; of all these, those of so many `deaths`. None where its own
        lease is over."""
        ...

    async def leave(self, worker: str) -> None:
        """The worker's lease ends, and what it still holds is ready for another one."""
        ...

    async def wait(self, timeout_s: float = 0.5) -> None:
        """Returns when there may be something to claim, at the latest after `timeout_s`."""
        ...


__all__ = [
    "ANY_DEATHS", "ArtifactStore", "Brief", "Claim", "Clock", "Embedder", "Example", "Journal",
    "Memory", "Model", "OwnedArtifacts", "Planner", "Recalled", "RunQueue", "RunSummary", "Schema",
    "Swept", "Toolset",
]  # fmt: skip
