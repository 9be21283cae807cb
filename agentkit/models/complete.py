"""A whole reply from a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from agentkit.errors import ModelError, UsageError
from agentkit.given import read_json
from agentkit.messages import Delta, Done, Reply, Request, Text, ToolCall
from agentkit.types import Json, Schema

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

    from agentkit.protocols import Model


async def complete(model: Model, request: Request) -> Reply:
    """The reply, once it is whole. Where the request has a schema, `data` is the JSON, checked.

    Raises `UsageError` for a schema that is none, `ModelError` for a stream without an end and
    for JSON that is cut, malformed or not of the schema.
    """
    if request.schema is not None:
        _check_schema(request.schema)
    text: list[str] = []
    calls: list[ToolCall] = []
    async with aclosing(bounded(model, request)) as stream:
        async for delta in stream:
            match delta:
                case Text(piece):
                    text.append(piece)
                case ToolCall():
                    calls.append(delta)
                case Done(finish, usage):
                    whole = "".join(text)
                    data = None
                    if request.schema is not None:
                        cut = finish == "length"
                        data = parsed(whole, request.schema, name=model.name, cut=cut)
                    return Reply(whole, tuple(calls), finish, usage, data)
    raise ModelError(f"the reply of {model.name} was cut before its end; try again", retryable=True)


async def bounded(model: Model, request: Request) -> AsyncGenerator[Delta]:
    """The model's stream; `ModelError` where it goes on far beyond the request's `max_tokens`.

    A server may ignore the limit it is sent, and a reply without end must not fill the memory.
    """
    pieces, characters = 0, 0
    async with aclosing(model.stream(request)) as stream:
        async for delta in stream:
            if isinstance(delta, Text):
                pieces += 1
                characters += len(delta.text)
            # A piece is one token or more, and a token rarely more than some characters.
            if pieces > 2 * request.max_tokens + 16 or characters > 64 * request.max_tokens + 256:
                raise ModelError(
                    f"{model.name} was allowed {request.max_tokens:,} tokens and did not stop "
                    f"after {characters:,} characters; its server ignores max_tokens"
                )
            yield delta


def parsed(text: str, schema: Schema, *, name: str, cut: bool = False) -> Json:
    """The JSON of a reply. A fence of Markdown around it is forgiven, nothing else is."""
    from jsonschema import Draft202012Validator
    from pydantic_core import from_json

    bare = _unfenced(text)
    try:
        from_json(bare)  # it bounds how deep all is nested, before validators go down there
        data = read_json(bare)
    except ValueError as error:
        why = "it was cut at max_tokens; raise it" if cut else "try again"
        raise ModelError(
            f"expected JSON from {name}, got {_excerpt(text)} ({error}); {why}", retryable=not cut
        ) from error
    problems: list[ValidationError] = list(
        cast("Any", Draft202012Validator(schema)).iter_errors(data)
    )
    for problem in problems[:1]:
        raise ModelError(
            f"expected JSON of the asked schema from {name}, got {_excerpt(text)}: at "
            f"{problem.json_path}, {problem.message}",
            retryable=True,
        )
    return data


def _check_schema(schema: Schema) -> None:
    """A server may ignore a schema that it does not understand: so that is found out here."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise UsageError(
            f"expected a JSON Schema (Draft 2020-12) in the request; {error.message}"
        ) from error


def _unfenced(text: str) -> str:
    bare = text.strip()
    if bare.startswith("```") and bare.endswith("```") and "\n" in bare:
        return bare[bare.index("\n") : -3]
    return bare


def _excerpt(text: str, most: int = 80) -> str:
    return repr(text if len(text) <= most else text[:most] + "…")
