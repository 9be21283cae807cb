"""Anthropic's Messages API, over HTTP, without its SDK."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import cast

from agentkit.errors import ModelError, UsageError
from agentkit.messages import Delta, Done, Finish, Message, Profile, Request, Text, ToolCall, Usage
from agentkit.models.endpoint import Endpoint, JsonObject
from agentkit.models.http import connect, events
from agentkit.models.profile import adapt, priced
from agentkit.types import Json, Schema

HOSTED = "https://api.anthropic.com"

_REPLY = "reply"  # the tool whose arguments are the structured output
_FINISHES: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
}


class AnthropicModel:
    """A model behind `/v1/messages`. A schema is asked for as the arguments of a forced tool."""

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str = HOSTED,
        profile: Profile | None = None,
        timeout_s: float = 120.0,
        attempts: int = 3,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`timeout_s` bounds the silence between two pieces. Raises `UsageError` without a key."""
        if not api_key:
            raise UsageError(
                f"anthropic:{model} needs a key: pass api_key (the command line reads "
                "ANTHROPIC_API_KEY)"
            )
        self._model = model
        self._profile = profile or Profile(vision=True, context_tokens=200_000)
        self._endpoint = Endpoint(
            name=self.name, base_url=base_url, timeout_s=timeout_s, attempts=attempts, sleep=sleep
        ).with_headers(x_api_key=api_key, anthropic_version="2023-06-01")

    @property
    def name(self) -> str:
        """`anthropic:` and the model's name."""
        return f"anthropic:{self._model}"

    @property
    def profile(self) -> Profile:
        """What was declared, or what the API offers."""
        return self._profile

    def __repr__(self) -> str:
        return f"AnthropicModel({self._model!r}, base_url={self._endpoint.base_url!r})"

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """The reply as it is written. Raises `ModelError`."""
        body = _body(self._model, adapt(request, self._profile, name=self.name))
        plain = request.schema is None or request.schema.get("type") == "object"
        reply = _Assembly(self.name, wrapped=not plain)
        async with connect(self._endpoint) as client:
            path = self._endpoint.base_url.rstrip("/") + "/v1/messages"
            async with aclosing(events(client, self._endpoint, path, body)) as stream:
                async for event in stream:
                    for delta in reply.take(event):
                        yield delta
        yield Done(reply.finish(), priced(reply.usage, self._profile))


def _body(model: str, request: Request) -> JsonObject:
    system = [message.content for message in request.messages if message.role == "system"]
    turns = [message for message in request.messages if message.role != "system"]
    tools: list[Json] = [
        {
            "name": tool.name,
            "description": tool.description,
            "input_schema": dict(tool.parameters),
        }
        for tool in request.tools
    ]
    body: JsonObject = {
        "model": model,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stream": True,
        "messages": _merged(turns),
    }
    if request.schema is not None:
        tools.append({"name": _REPLY, "input_schema": _wrapped(request.schema)})
        body["tool_choice"] = {"type": "tool", "name": _REPLY}
    if system:
        body["system"] = "\n\n".join(system)
    if tools:
        body["tools"] = tools
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    return body


def _wrapped(schema: Schema) -> dict[str, Json]:
    """Arguments are an object: a schema of anything else becomes its one property."""
    if schema.get("type") == "object":
        return dict(schema)
    return {"type": "object", "properties": {_REPLY: dict(schema)}, "required": [_REPLY]}


def _merged(messages: Sequence[Message]) -> list[Json]:
    """The turns; results of calls made at once have to be in one of them."""
    turns: list[dict[str, Json]] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            cast("list[Json]", turns[-1]["content"]).extend(_blocks(message))
        else:
            turns.append({"role": role, "content": _blocks(message)})
    return list[Json](turns)


def _blocks(message: Message) -> list[Json]:
    if message.role == "tool":
        content = message.content
        return [{"type": "tool_result", "tool_use_id": message.call_id, "content": content}]
    blocks: list[Json] = []
    for media_type, data in message.images:
        encoded = base64.b64encode(data).decode()
        source: Json = {"type": "base64", "media_type": media_type, "data": encoded}
        blocks.append({"type": "image", "source": source})
    if message.content:
        blocks.append({"type": "text", "text": message.content})
    for call in message.calls:
        blocks.append(
            {"type": "tool_use", "id": call.id, "name": call.name, "input": _arguments(call)}
        )
    return blocks


def _arguments(call: ToolCall) -> Json:
    try:
        return cast("Json", json.loads(call.arguments or "{}"))
    except (ValueError, RecursionError):
        # Cut short when the model wrote it; the API takes objects only.
        return {"malformed": call.arguments}


class _Assembly:
    """A reply that grows from events: text passes through, a call is kept until it is whole."""

    def __init__(self, name: str, *, wrapped: bool) -> None:
        self._name = name
        self._wrapped = wrapped
        self._replied = False
        self._call: ToolCall | None = None
        self._reason: str | None = None
        self._ended = False
        self.usage = Usage(calls=1)

    def take(self, event: JsonObject) -> Iterator[Delta]:
        """What an event completes."""
        block, delta = _object(event, "content_block"), _object(event, "delta")
        match event.get("type"):
            case "message_start":
                self._count(_object(_object(event, "message"), "usage"))
            case "content_block_start" if block.get("type") == "tool_use":
                self._call = ToolCall(str(block.get("id")), str(block.get("name")), "")
            case "content_block_delta":
                yield from self._add(delta)
            case "content_block_stop" if self._call is not None:
                call, self._call = self._call, None
                yield self._reply(call) if call.name == _REPLY else call
            case "message_delta":
                self._reason = str(delta.get("stop_reason"))
                self._count(_object(event, "usage"))
            case "message_stop":
                self._ended = True
            case _:
                pass  # new kinds of events may come; the API asks to pass over them

    def finish(self) -> Finish:
        """How the reply ended; `ModelError` where it did not."""
        if not self._ended or self._reason is None:
            raise ModelError(f"{self._name} dropped the stream half-way; try again", retryable=True)
        if self._reason not in _FINISHES:
            raise ModelError(f"{self._name} ended its reply by {self._reason!r}; change the prompt")
        return "stop" if self._replied and self._reason == "tool_use" else _FINISHES[self._reason]

    def _reply(self, call: ToolCall) -> Text:
        """The structured output, as the text that it is for other models."""
        self._replied = True
        data = _arguments(call)
        inner = self._wrapped and isinstance(data, dict) and _REPLY in data
        return Text(json.dumps(cast("JsonObject", data)[_REPLY]) if inner else call.arguments)

    def _add(self, delta: JsonObject) -> Iterator[Delta]:
        if delta.get("type") == "text_delta":
            yield Text(str(delta.get("text", "")))
        elif delta.get("type") == "input_json_delta" and self._call is not None:
            more = str(delta.get("partial_json", ""))
            self._call = replace(self._call, arguments=self._call.arguments + more)

    def _count(self, told: JsonObject) -> None:
        def number(name: str, else_: int) -> int:
            value = told.get(name)
            return value if isinstance(value, int) else else_

        cached = number("cache_read_input_tokens", self.usage.cached_tokens)
        read = number("input_tokens", self.usage.input_tokens - self.usage.cached_tokens)
        written = number("output_tokens", self.usage.output_tokens)
        self.usage = Usage(read + cached, written, cached, calls=1)


def _object(value: JsonObject, key: str) -> JsonObject:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}
