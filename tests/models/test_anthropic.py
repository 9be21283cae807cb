"""The Messages API client against a real local HTTP server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentkit.errors import ModelError, UsageError
from agentkit.messages import Delta, Done, Message, Request, Text, ToolCall, ToolSpec
from agentkit.models import complete, model
from agentkit.models.anthropic import AnthropicModel
from agentkit.types import Schema
from tests.models.server import Server, response, stream

pytestmark = pytest.mark.anyio

ASK = Request(messages=(Message("system", "Be short."), Message("user", "Hello")), max_tokens=50)
TOOL = ToolSpec("search", "Searches.", {"type": "object", "properties": {"q": {"type": "string"}}})


def client(server: Server) -> AnthropicModel:
    return AnthropicModel("claude", base_url=server.url, api_key="sk-ant-secret", attempts=1)


def events(*blocks: dict[str, Any], reason: str = "end_turn", end: bool = True) -> bytes:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1}
    said: list[object] = [{"type": "message_start", "message": {"usage": usage}}, {"type": "ping"}]
    for block in blocks:
        start, pieces = block["start"], block["pieces"]
        said.append({"type": "content_block_start", "index": 0, "content_block": start})
        said += [{"type": "content_block_delta", "index": 0, "delta": piece} for piece in pieces]
        said.append({"type": "content_block_stop", "index": 0})
    delta = {"type": "message_delta", "delta": {"stop_reason": reason}}
    said.append({**delta, "usage": {"output_tokens": 7}})
    said += [{"type": "message_stop"}] if end else []
    return stream(said, done=False)


def text(*pieces: str) -> dict[str, Any]:
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return {"start": {"type": "text", "text": ""}, "pieces": deltas}


def call(name: str, *pieces: str) -> dict[str, Any]:
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return {"start": {"type": "tool_use", "id": "a", "name": name}, "pieces": deltas}


async def deltas(server: Server, request: Request = ASK) -> list[Delta]:
    return [delta async for delta in client(server).stream(request)]


async def test_text_is_streamed_and_counted(server: Server) -> None:
    server.answers = [events(text("Good ", "day."))]
    *pieces, done = await deltas(server)
    assert pieces == [Text("Good "), Text("day.")]
    assert isinstance(done, Done) and done.finish == "stop"
    usage = done.usage
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (15, 5, 7)
    line, headers, body = server.requests[0]
    assert line == "POST /v1/messages HTTP/1.1" and headers["x-api-key"] == "sk-ant-secret"
    assert body["system"] == "Be short." and body["max_tokens"] == 50
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]


async def test_a_conversation_with_calls_and_a_picture(server: Server) -> None:
    server.answers = [events(text("Well."), call("search", '{"q"', ': "x"}'), reason="tool_use")]
    messages = (
        Message("user", "What is this?", images=(("image/png", b"png"),)),
        Message("assistant", "", calls=(ToolCall("a", "search", "{}"), ToolCall("b", "s", '{"q'))),
        Message("tool", "found", call_id="a"),
        Message("tool", "nothing", call_id="b"),
    )
    got = await deltas(server, Request(messages=messages, tools=(TOOL,)))
    assert got[:2] == [Text("Well."), ToolCall("a", "search", '{"q": "x"}')]
    assert isinstance(got[2], Done) and got[2].finish == "tool_calls"
    user, assistant, results = server.bodies[0]["messages"]
    assert user["content"][0]["source"]["data"] == "cG5n"
    assert [block["input"] for block in assistant["content"]] == [{}, {"malformed": '{"q'}]
    assert [block["tool_use_id"] for block in results["content"]] == ["a", "b"]
    assert server.bodies[0]["tools"][0]["input_schema"] == TOOL.parameters


@pytest.mark.parametrize(
    ("schema", "arguments", "data"),
    [
        ({"type": "object", "required": ["n"]}, {"n": 3}, {"n": 3}),
        ({"type": "array", "items": {"type": "integer"}}, {"reply": [1, 2]}, [1, 2]),
    ],
)
async def test_structured_output_is_the_arguments_of_a_tool(
    server: Server, schema: Schema, arguments: object, data: object
) -> None:
    server.answers = [events(call("reply", json.dumps(arguments)), reason="tool_use")]
    reply = await complete(client(server), Request(messages=ASK.messages, schema=schema))
    assert reply.data == data and reply.calls == () and reply.finish == "stop"
    assert server.bodies[0]["tool_choice"] == {"type": "tool", "name": "reply"}


async def test_structured_output_that_was_cut_says_so(server: Server) -> None:
    server.answers = [events(call("reply", '{"n": '), reason="max_tokens")]
    with pytest.raises(ModelError, match="cut at max_tokens"):
        await complete(client(server), Request(messages=ASK.messages, schema={"type": "object"}))


@pytest.mark.parametrize(
    ("answer", "says", "retryable"),
    [
        (events(text("half"), end=False), "dropped the stream half-way", True),
        (events(text("x"), reason="refusal"), "ended its reply by 'refusal'", False),
        (
            stream([{"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}]),
            "broke off its answer with an error: Busy",
            True,
        ),
        (
            response('{"error": {"message": "invalid x-api-key"}}', status=401),
            "refused the key .401: invalid x-api-key",
            False,
        ),
    ],
)
async def test_failures(server: Server, answer: bytes, says: str, retryable: bool) -> None:
    server.answers = [answer]
    with pytest.raises(ModelError, match=says) as error:
        await deltas(server)
    assert error.value.retryable is retryable


def test_it_needs_a_key_and_shows_it_nowhere() -> None:
    with pytest.raises(UsageError, match="anthropic:claude needs a key.*ANTHROPIC_API_KEY"):
        model("anthropic:claude")
    keyed = model("anthropic:claude", api_key="sk-ant-secret")
    assert "secret" not in repr(keyed) and "secret" not in str(vars(keyed))
