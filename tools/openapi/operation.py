"""An operation of an API as a call needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Place = Literal["path", "query", "header", "cookie"]
Coding = Literal["json", "form", "multipart", "text", "bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """Where an argument goes: `wire` is its name there, `json` whether it is written as JSON."""

    wire: str
    place: Place
    style: str
    explode: bool
    required: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What is sent. `fields` are the arguments that it is made of, with their names on the wire;
    without them it is one argument, `body`."""

    media_type: str
    coding: Coding
    fields: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: `name` is that of its tool, `id` the document's own, which may be missing.

    `security` lists alternatives, each the names of the schemes that it needs together.
    `artifacts` are the arguments that are files, with their media types; `file` is the media type
    of an answer that is one.
    """

    name: str
    id: str
    method: str
    path: str
    server: str | None
    description: str = ""
    tags: Sequence[str] = ()
    words: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict[str, Parameter])
    body: Body | None = None
    accept: str = "*/*"
    security: Sequence[Sequence[str]] = ()
    artifacts: Mapping[str, str] = field(default_factory=dict[str, str])
    file: str | None = None
    input_schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    output_schema: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def place(self) -> str:
        """As in `GET /pets/{id}`."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Refused:
    """An operation that is no tool, as in `GET /pets`, and why."""

    place: str
    reason: str
    id: str = ""
