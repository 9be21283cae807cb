"""What goes to a language model and what comes back, the same for every provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from agentkit.types import Json, Schema


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A native tool call of a model. `arguments` is its JSON text, complete or cut short."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. A `tool` message answers the call of `call_id`.

    An `assistant` message in last place is the beginning of the reply: the model goes on from it.
    `images` are (media type, bytes) pairs, for models whose profile has vision.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    images: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as native tool calling shows it to a model."""

    name: str
    description: str
    parameters: Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of a model.

    `schema` asks for JSON of that shape, `grammar` (GBNF) for text of that language: at most one.
    `purpose` (plan, answer, the tool's name …) labels the call in the journal. `constant` is how
    many of the first messages are the same at many calls (None: those of the system): a local model
    keeps what they were evaluated to.
    """

    messages: tuple[Message, ...]
    purpose: str = "chat"
    constant: int | None = None
    tools: tuple[ToolSpec, ...] = ()
    schema: Schema | None = None
    grammar: str | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written, the part of the read ones that was cached, calls, money.

    `cost_usd` is None where the price is unknown: unknown is never zero.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    calls: int = 0
    cost_usd: Decimal | None = None
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        known = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        complete = len(known) == (self.calls > 0) + (other.calls > 0)
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.calls + other.calls,
            sum(known, Decimal()) if known and complete else None,
            self.estimated or other.estimated,
        )


Finish = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the reply's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a reply; always the last delta. A stream that lacks it was cut: `ModelError`."""

    finish: Finish
    usage: Usage = field(default_factory=Usage)


Delta: TypeAlias = Text | ToolCall | Done
"""What a model's stream yields: text as it comes, each tool call once complete, the end."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply. `data` is the parsed JSON where a schema was asked for."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"
    usage: Usage = field(default_factory=Usage)
    data: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What an endpoint can do. What it cannot is done by prompt, validation and one repair.

    `prefill`: goes on from an assistant message in last place. `guided`: so small a model that a
    plan is decoded statement by statement under a grammar.
    """

    tools: bool = True
    schema: bool = True
    grammar: bool = False
    vision: bool = False
    prefill: bool = False
    guided: bool = False
    context_tokens: int = 128_000
    prices_usd_per_million: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
