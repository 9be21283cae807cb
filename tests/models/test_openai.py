"""The OpenAI-compatible client against a real local HTTP server."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from agentkit.errors import ModelError, UsageError
from agentkit.messages import (
    Delta,
    Done,
    Message,
    Profile,
    Request,
    Text,
    ToolCall,
    ToolSpec,
    Usage,
)
from agentkit.models import complete, model
from agentkit.models.openai import OpenAIModel
from agentkit.types import Schema
from tests.models.server import Server, response, stream

pytestmark = pytest.mark.anyio

KEY = "sk-a-secret-key"
ASK = Request(messages=(Message("system", "Be short."), Message("user", "Hello")), max_tokens=50)
TOOL = ToolSpec("search", "Searches.", {"type": "object", "properties": {"q": {"type": "string"}}})
NUMBER: Schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class Sleeps(list[float]):
    """Waits for nothing and remembers how long it should have."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client(server: Server, **options: Any) -> OpenAIModel:
    options.setdefault("profile", Profile())
    return OpenAIModel("m", base_url=f"{server.url}/v1", api_key=KEY, **options)


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def fragment(index: int, call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return chunk(tool_calls=[{"index": index, "id": call_id, "function": function}])


async def deltas(of: OpenAIModel, request: Request = ASK) -> list[Delta]:
    return [delta async for delta in of.stream(request)]


async def test_text_comes_in_pieces_and_is_counted(server: Server) -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 40},
    }
    pieces = [chunk(role="assistant", content=""), chunk(content="Good "), chunk(content="day.")]
    server.answers = [stream([*pieces, chunk("stop"), {"choices": [], "usage": usage}])]
    prices = {"input": Decimal(2), "output": Decimal(10), "cached": Decimal(1)}
    got = await deltas(client(server, profile=Profile(prices_usd_per_million=prices)))
    cost = (60 * Decimal(2) + 40 * Decimal(1) + 10 * Decimal(10)) / 1_000_000
    assert got == [
        Text("Good "),
        Text("day."),
        Done("stop", Usage(100, 10, 40, calls=1, cost_usd=cost)),
    ]
    line, headers, body = server.requests[0]
    assert line == "POST /v1/chat/completions HTTP/1.1"
    assert headers["authorization"] == f"bearer {KEY}"
    assert body["messages"][0] == {"role": "system", "content": "Be short."}
    assert body["max_tokens"] == 50 and body["stream_options"] == {"include_usage": True}


async def test_usage_that_is_not_told_is_estimated_and_a_price_not_known_is_none(
    server: Server,
) -> None:
    server.answers = [stream([chunk(content="Good day."), chunk("length")])]
    done = (await deltas(client(server)))[-1]
    assert isinstance(done, Done) and done.finish == "length"
    assert done.usage.estimated and done.usage.output_tokens == 2 and done.usage.cost_usd is None


async def test_calls_are_put_together_and_come_as_soon_as_they_are_whole(server: Server) -> None:
    fragments = [
        fragment(0, "a", "search", '{"q": '),
        fragment(0, None, None, '"one"}'),
        fragment(1, "b", "search", ""),
        fragment(1, None, None, '{"q": "two"}'),
        chunk("tool_calls"),
    ]
    server.answers = [stream(fragments)]
    request = Request(messages=ASK.messages, tools=(TOOL,))
    got = await deltas(client(server), request)
    assert got[:2] == [
        ToolCall("a", "search", '{"q": "one"}'),
        ToolCall("b", "search", '{"q": "two"}'),
    ]
    assert isinstance(got[2], Done) and got[2].finish == "tool_calls"
    sent = server.bodies[0]["tools"][0]["function"]
    assert sent["name"] == "search" and sent["parameters"] == dict(TOOL.parameters)


async def test_calls_that_share_a_number_are_told_apart_by_id(server: Server) -> None:
    both = [fragment(0, "a", "search", "{}"), fragment(0, "b", "search", "{}"), chunk("stop")]
    server.answers = [stream(both)]
    got = await deltas(client(server))
    assert [call.id for call in got if isinstance(call, ToolCall)] == ["a", "b"]


async def test_a_conversation_with_calls_and_a_picture_is_sent_whole(server: Server) -> None:
    server.answers = [stream([chunk("stop", content="ok")])]
    messages = (
        Message("user", "What is this?", images=(("image/png", b"png"),)),
        Message("assistant", "", calls=(ToolCall("a", "search", "{}"),)),
        Message("tool", "found", call_id="a"),
    )
    await deltas(client(server, profile=Profile(vision=True)), Request(messages=messages))
    user, assistant, tool = server.bodies[0]["messages"]
    assert user["content"][1]["image_url"]["url"] == "data:image/png;base64,cG5n"
    assert assistant["tool_calls"][0]["function"] == {"name": "search", "arguments": "{}"}
    assert tool == {"role": "tool", "tool_call_id": "a", "content": "found"}


async def test_structured_output(server: Server) -> None:
    server.answers = [stream([chunk("stop", content='{"n": 3}')])]
    reply = await complete(client(server), Request(messages=ASK.messages, schema=NUMBER))
    assert reply.data == {"n": 3}
    assert server.bodies[0]["response_format"]["json_schema"]["schema"] == NUMBER


@pytest.mark.parametrize(
    ("text", "finish", "says"),
    [
        ('{"n": NaN}', "stop", "expected a finite number; got NaN"),
        ('{"n": 1e999}', "stop", "expected a finite number; got 1e999"),
        ('{"n": ' + "[" * 500 + "]" * 500 + "}", "stop", "recursion limit exceeded"),
        ("three", "stop", "expected JSON from openai:m, got 'three'.*try again"),
        ('{"n": 3', "length", "cut at max_tokens; raise it"),
        ('{"n": "3"}', "stop", r"of the asked schema .* at \$\.n, '3' is not of type 'integer'"),
    ],
)
async def test_structured_output_that_is_none(
    server: Server, text: str, finish: str, says: str
) -> None:
    server.answers = [stream([chunk(finish, content=text)])]
    with pytest.raises(ModelError, match=says):
        await complete(client(server), Request(messages=ASK.messages, schema=NUMBER))


async def test_a_schema_that_is_none_is_the_callers_error(server: Server) -> None:
    with pytest.raises(UsageError, match="expected a JSON Schema"):
        await complete(client(server), Request(messages=ASK.messages, schema={"type": "nope"}))
    assert server.requests == []


async def test_what_the_server_cannot_do_is_asked_for_in_words(server: Server) -> None:
    answer = '{"calls": [{"name": "search", "arguments": {"q": "x"}}]}'
    server.answers = [stream([chunk("stop", content=answer)])]
    bare = client(server, profile=Profile(tools=False, schema=False))
    got = await deltas(bare, Request(messages=ASK.messages, tools=(TOOL,)))
    assert got[0] == ToolCall("call_1", "search", '{"q": "x"}')
    assert isinstance(got[1], Done) and got[1].finish == "tool_calls"
    server.answers = [stream([chunk("stop", content='```json\n{"n": 3}\n```')])]
    assert (await complete(bare, Request(messages=ASK.messages, schema=NUMBER))).data == {"n": 3}
    first, second = server.bodies
    assert not {"tools", "response_format"} & (first.keys() | second.keys())
    assert '"name": "search"' in first["messages"][1]["content"]
    assert '"integer"' in second["messages"][1]["content"]


async def test_text_of_a_model_without_tools_passes_at_once(server: Server) -> None:
    server.answers = [stream([chunk(content="No "), chunk("stop", content="call.")])]
    bare = client(server, profile=Profile(tools=False))
    got = await deltas(bare, Request(messages=ASK.messages, tools=(TOOL,)))
    assert got[:2] == [Text("No "), Text("call.")]


async def test_a_picture_for_a_blind_model_is_refused(server: Server) -> None:
    picture = Message("user", "Look", images=(("image/png", b"png"),))
    with pytest.raises(ModelError, match="openai:m cannot see pictures; read them with a tool"):
        await deltas(client(server), Request(messages=(picture,)))


async def test_a_server_is_asked_once_what_it_is(server: Server) -> None:
    listing = '{"data": [{"id": "m", "owned_by": "llamacpp", "meta": {"n_ctx": 4096}}]}'
    whole = stream([chunk("stop", content="ok")])
    server.answers = [response(listing), whole, whole]
    found = client(server, profile=None)
    grammar = Request(messages=(*ASK.messages, Message("assistant", "x")), grammar='root ::= "a"')
    await deltas(found, grammar)
    await deltas(found)
    assert [line.split()[1] for line, _, _ in server.requests] == [
        "/v1/models",
        "/v1/chat/completions",
        "/v1/chat/completions",
    ]
    assert found.profile.grammar and found.profile.context_tokens == 4096
    assert server.bodies[0]["grammar"] == 'root ::= "a"'
    assert server.bodies[0]["messages"][-1] == {"role": "assistant", "content": "x"}


async def test_a_grammar_and_a_beginning_are_put_in_words_elsewhere(server: Server) -> None:
    server.answers = [stream([chunk("stop", content="ok")])]
    begun = (*ASK.messages, Message("assistant", "It was"))
    await deltas(client(server), Request(messages=begun, grammar='root ::= "a"'))
    sent = server.bodies[0]
    assert "grammar" not in sent and len(sent["messages"]) == 2
    assert 'root ::= "a"' in sent["messages"][1]["content"]
    assert sent["messages"][1]["content"].endswith("It was")


def test_a_hosted_model_needs_a_key_and_shows_it_nowhere() -> None:
    with pytest.raises(UsageError, match="openai:gpt-5 needs a key.*OPENAI_API_KEY"):
        model("openai:gpt-5")
    hosted = model("openai:gpt-5", api_key=KEY)
    assert KEY not in repr(hosted) and KEY not in str(vars(hosted))


def test_a_slash_at_the_end_makes_no_other_server() -> None:
    with pytest.raises(UsageError, match="needs a key"):
        OpenAIModel("gpt-5", base_url="https://api.openai.com/v1/")
    hosted = OpenAIModel("gpt-5", base_url="https://api.openai.com/v1/", api_key=KEY)
    assert hosted.profile.vision and repr(hosted) == repr(OpenAIModel("gpt-5", api_key=KEY))
