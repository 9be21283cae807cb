"""A tool: a named function with schemas, an effect class, a trust label and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from agentkit.types import Effect, Json, Runs, Schema

if TYPE_CHECKING:
    from agentkit.protocols import ArtifactStore, Model


class Context(Protocol):
    """What a running call may know and do; a parameter annotated `Context` receives it."""

    run: str
    node: str
    key: str
    """Idempotency key: stable over retries and resumes of this node with these arguments."""
    artifacts: ArtifactStore
    model: Model
    """The agent's model; calls through it are journaled under this node."""

    def progress(self, done: float, total: float | None = None, unit: str = "") -> None:
        """Tell whoever follows the run how far this call is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Attempts, and the waits between them: exponential from `first_s` to `most_s`, with jitter."""

    attempts: int = 3
    first_s: float = 0.5
    most_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool as the rest of agentkit sees it. `@tool` makes one from a function.

    `prepare` validates JSON arguments into keyword arguments for `function` (raises `ValueError`
    saying which argument is wrong); `finish` validates what it returned into JSON.
    """

    name: str
    description: str
    input_schema: Schema
    output_schema: Schema
    function: Callable[..., Any]
    prepare: Callable[[Mapping[str, Json], Context], dict[str, Any]]
    finish: Callable[[Any, Context], Json]
    effect: Effect = "once"
    trusted: bool = True
    timeout_s: float | None = None
    retry: Retry | None = None
    concurrency: int | None = None
    rate_per_s: float | None = None
    resources: Mapping[str, int] = field(default_factory=dict[str, int])
    runs: Runs = "thread"
    cache: bool = False
    batch: int | None = None
    expected_s: float = 1.0
