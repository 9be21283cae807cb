"""What the engine's tests share: a journal that is a list, and plans from short descriptions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from agentkit.artifacts import FolderArtifacts
from agentkit.engine.scheduler import Scheduler
from agentkit.events import EventType
from agentkit.plan.expression import expression
from agentkit.plan.graph import Arg, Call, Const, Ref, When
from agentkit.state import RunState
from agentkit.tool import Tool
from agentkit.types import Json


class Log:
    """Events in order, as (type, node, data)."""

    def __init__(self) -> None:
        self.events: list[tuple[EventType, str | None, Mapping[str, Json]]] = []

    def __call__(self, kind: EventType, node: str | None, data: Mapping[str, Json]) -> None:
        self.events.append((kind, node, data))

    def nodes(self, kind: EventType) -> list[str | None]:
        """The nodes of the events of a type, in order."""
        return [node for each, node, _ in self.events if each == kind]

    def kinds(self, node: str) -> list[EventType]:
        """The types of a node's events, in order."""
        return [kind for kind, each, _ in self.events if each == node]


def scheduler(tools: Sequence[Tool], log: Log | None = None, **options: Any) -> Scheduler:
    """A scheduler over these tools that writes to the log; fields of its state are options too."""
    known = {field.name for field in fields(RunState)} & options.keys()
    given: dict[str, Any] = {name: options.pop(name) for name in known}
    state = replace(RunState(run="run"), **given)
    return Scheduler(
        tools={tool.name: tool for tool in tools},
        record=log or Log(),
        artifacts=options.pop("artifacts", None) or FolderArtifacts(Path("unused")),
        state=state,
        **options,
    )


def call(id: str, tool: str | Tool, *, when: When | None = None, **args: Json | Arg) -> Call:
    """A call; plain values are constants."""
    name = tool if isinstance(tool, str) else tool.name
    return Call(id=id, tool=name, args={key: arg(value) for key, value in args.items()}, when=when)


def arg(value: Any) -> Arg:
    """An argument; plain values are constants."""
    return value if isinstance(value, Ref | Const) or hasattr(value, "tree") else Const(value)


__all__ = ["Log", "Ref", "arg", "call", "expression", "scheduler"]


@dataclass(frozen=True)
class Job:
    """An item of a batch."""

    n: int
    late: bool = False


def now() -> float:
    """The time of the loop, in seconds."""
    return asyncio.get_running_loop().time()
