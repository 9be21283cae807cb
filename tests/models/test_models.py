"""Models by name, and the scripted one."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from agentkit.errors import ModelError, UsageError
from agentkit.messages import Done, Message, Profile, Request, Text, ToolCall
from agentkit.models import complete, model
from agentkit.testing import Scripted, ScriptedModel

pytestmark = pytest.mark.anyio

ASK = Request(messages=(Message("user", "Hello"),), max_tokens=20)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("local:", "local:qwen2.5-coder-1.5b"),
        ("local:qwen2.5-coder-0.5b", "local:qwen2.5-coder-0.5b"),
        ("test:", "test:scripted"),
    ],
)
def test_names(name: str, found: str) -> None:
    assert model(name).name == found


def test_a_model_is_given_back_as_it_is() -> None:
    scripted = ScriptedModel()
    assert model(scripted) is scripted
    with pytest.raises(UsageError, match="options .api_key. go with a model's name"):
        model(scripted, api_key="x")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("opnai:gpt-5", "openai:NAME, .*got 'opnai:gpt-5'; did you mean 'openai:'"),
        ("qwen2.5-coder-1.5b", "did you mean 'local:qwen2.5-coder-1.5b'"),
        ("local:qwen2.5-coder-15b", "did you mean 'qwen2.5-coder-1.5b'"),
        ("xyz", r"one of openai:NAME, .*test:, got 'xyz'$"),
        ("openai:", "expected the model's name after openai:"),
    ],
)
def test_an_unknown_name_lists_what_exists_and_the_nearest(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        model(name)


def test_an_unknown_option_is_the_callers_error() -> None:
    with pytest.raises(UsageError, match="local: does not take these options.*'colour'"):
        model("local:", colour="red")


async def test_replies_come_in_order_and_requests_are_kept() -> None:
    calls = (ToolCall("a", "search", "{}"),)
    scripted = ScriptedModel(
        replies=["One.", Scripted(calls=calls), Scripted("2", finish="length")]
    )
    first, second, third = [await complete(scripted, ASK) for _ in range(3)]
    assert first.text == "One." and first.finish == "stop" and first.usage.calls == 1
    assert second.calls == calls and second.finish == "tool_calls"
    assert third.finish == "length"
    assert scripted.requests == [ASK] * 3
    with pytest.raises(ModelError, match="script of test:scripted has ended: call 4"):
        await complete(scripted, ASK)


async def test_a_function_answers_the_request() -> None:
    scripted = ScriptedModel(replies=lambda request: request.messages[-1].content.upper())
    assert (await complete(scripted, ASK)).text == "HELLO"


async def test_its_pace_is_that_of_the_clock_it_is_given() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    scripted = ScriptedModel(replies=["12345678"], tokens_per_s=40, sleep=sleep)
    pieces = [delta async for delta in scripted.stream(ASK)]
    assert pieces[:2] == [Text("1234"), Text("5678")] and waits == [0.025, 0.025]


async def test_it_can_cut_the_stream() -> None:
    scripted = ScriptedModel(replies=[Scripted("12345678", cut_after=1)])
    with pytest.raises(ModelError, match="was cut before its end"):
        await complete(scripted, ASK)


async def test_it_can_raise_at_once_and_half_way() -> None:
    error = ModelError("out of order", retryable=True)
    scripted = ScriptedModel(replies=[error, Scripted("12345678", cut_after=1, error=error)])
    with pytest.raises(ModelError, match="out of order"):
        await complete(scripted, ASK)
    async with aclosing(scripted.stream(ASK)) as pieces:
        assert await anext(pieces) == Text("1234")
        with pytest.raises(ModelError, match="out of order"):
            await anext(pieces)


async def test_one_that_never_stops_is_bounded_by_the_reader() -> None:
    scripted = ScriptedModel(replies=[Scripted("again ", endless=True)])
    with pytest.raises(ModelError, match="allowed 20 tokens and did not stop"):
        await complete(scripted, ASK)


async def test_one_that_never_stops_can_be_cancelled() -> None:
    scripted = ScriptedModel(replies=[Scripted("again ", endless=True)])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            async for delta in scripted.stream(ASK):
                assert not isinstance(delta, Done)


def test_its_profile_is_the_tests_choice() -> None:
    assert model("test:", profile=Profile(guided=True)).profile.guided


async def test_a_script_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match=r"expected a list as replies=; found 'One.'"):
        ScriptedModel(replies="One.")

    def forgetful(_: Request) -> Any:
        "It has no `return`."

    with pytest.raises(UsageError, match="expected a reply as a text.*; found None"):
        await complete(ScriptedModel(replies=forgetful), ASK)
