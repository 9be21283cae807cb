"""The chunks of OpenAI's chat completions, put together again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydantic import BaseModel, ValidationError

from agentkit.errors import ModelError
from agentkit.messages import Delta, Done, Finish, Request, Text, ToolCall, Usage
from agentkit.models.endpoint import JsonObject

_FINISHES: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


class _Function(BaseModel):
    name: str | None = None
    arguments: str | None = None


class _Call(BaseModel):
    index: int = 0
    id: str | None = None
    function: _Function = _Function()


class _Delta(BaseModel):
    content: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(BaseModel):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Details(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None


class _Chunk(BaseModel):
    choices: list[_Choice] = []
    usage: _Usage | None = None


class Assembly:
    """A reply that grows: text passes through, a call is kept until it is whole."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._call: ToolCall | None = None
        self._index = 0
        self._called = False
        self._finish: str | None = None
        self._usage: _Usage | None = None
        self._characters = 0

    def take(self, data: JsonObject) -> Iterator[Delta]:
        """What a chunk completes."""
        try:
            chunk = _Chunk.model_validate(data)
        except ValidationError as error:
            raise ModelError(
                f"expected a chunk of a chat completion from {self._name}, got "
                f"{str(data)[:200]}; is the base URL that of an OpenAI-compatible API?"
            ) from error
        self._usage = chunk.usage or self._usage
        for choice in chunk.choices[:1]:
            self._finish = choice.finish_reason or self._finish
            if choice.delta.content:
                self._characters += len(choice.delta.content)
                yield Text(choice.delta.content)
            for fragment in choice.delta.tool_calls or ():
                yield from self._add(fragment)

    def end(self, request: Request) -> Iterator[Delta]:
        """The last call and the end; `ModelError` where the server never said that it is one."""
        if self._finish is None:
            raise ModelError(
                f"{self._name} dropped the stream half-way, after {self._characters} characters; "
                "try again",
                retryable=True,
            )
        if self._finish not in _FINISHES:
            raise ModelError(f"{self._name} ended its reply by {self._finish!r}; change the prompt")
        if self._call is not None:
            yield self._call
        finish = "tool_calls" if self._called else _FINISHES[self._finish]
        yield Done(finish, self._counted(request))

    def _add(self, fragment: _Call) -> Iterator[Delta]:
        """Some servers number all calls 0 and tell them apart by id alone."""
        another = fragment.index != self._index or (
            self._call is not None and fragment.id not in (None, "", self._call.id)
        )
        if self._call is None or another:
            if self._call is not None:
                yield self._call  # a new one has begun: this one is whole
            self._call = ToolCall(fragment.id or f"call_{fragment.index}", "", "")
            self._index, self._called = fragment.index, True
        function = fragment.function
        self._call = replace(
            self._call,
            name=self._call.name or function.name or "",
            arguments=self._call.arguments + (function.arguments or ""),
        )

    def _counted(self, request: Request) -> Usage:
        if self._usage is None:
            read = sum(len(message.content) for message in request.messages)
            return Usage(read // 4, self._characters // 4, calls=1, estimated=True)
        details = self._usage.prompt_tokens_details
        return Usage(
            self._usage.prompt_tokens,
            self._usage.completion_tokens,
            (details.cached_tokens or 0) if details else 0,
            calls=1,
        )
