"""The openai SDK against `/v1/chat/completions`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from tests.serve.conftest import TOKEN, Served

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture
async def client(served: Served) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{served.url}/v1", api_key=TOKEN, max_retries=0
    ) as client:
        yield client


def user(text: str) -> ChatCompletionMessageParam:
    return {"role": "user", "content": text}


async def test_models_and_a_reply(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["echo"]
    assert (await client.models.retrieve("echo")).owned_by == "agentkit"
    done = await client.chat.completions.create(model="echo", messages=[user("hello")])
    assert done.choices[0].message.content == "You said: hello"
    assert done.choices[0].finish_reason == "stop"
    assert done.usage is not None
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens > 0


async def test_a_tool_of_the_client(client: openai.AsyncOpenAI, served: Served) -> None:
    messages: list[Any] = [user("weather please")]
    asked = await client.chat.completions.create(model="echo", messages=messages, tools=[WEATHER])
    choice = asked.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city": "Prague"}')
    messages += [
        choice.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    stream = await client.chat.completions.create(
        model="echo", messages=messages, tools=[WEATHER], stream=True
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == "It is sunny in Prague."
    assert chunks[-1].choices[0].finish_reason == "stop"
    (line,) = await served.store.journal.runs()
    (step,) = (await served.http.get(f"/runs/{line.run}")).json()["steps"]
    assert (step["tool"], step["args"]) == ("get_weather", {"city": "Prague"})
    assert (step["status"], step["value"]) == ("value", "sunny")


async def test_a_conversation_and_a_picture_reach_the_run(
    client: openai.AsyncOpenAI, served: Served
) -> None:
    picture = "data:image/png;base64,iVBORw0KGgo="
    messages: list[Any] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": picture}}]},
        {"role": "assistant", "content": "A picture."},
        user("and now?"),
    ]
    await client.chat.completions.create(model="echo", messages=messages)
    (line,) = await served.store.journal.runs()
    created, recalled = (await served.store.journal.events(line.run))[:2]
    inputs: Any = created.data["inputs"]
    assert inputs["image_1"]["value"]["media_type"] == "image/png"
    assert recalled.data["history"] == [
        {"role": "user", "content": "[image_1]"},
        {"role": "assistant", "content": "A picture."},
    ]
    model: Any = served.server.agents["echo"].model
    assert "Be brief." in model.requests[-1].messages[-1].content


async def test_results_that_no_run_waits_for_are_history(client: openai.AsyncOpenAI) -> None:
    call = {"id": "call_x", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages: list[Any] = [
        user("hello"),
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_x", "content": "7"},
    ]
    done = await client.chat.completions.create(model="echo", messages=messages)
    assert done.choices[0].message.content == "You said: hello"


async def test_what_is_wrong_is_told_in_openais_form(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="did you mean 'echo'"):
        await client.chat.completions.create(model="ecko", messages=[user("hello")])
    address: Any = {"type": "image_url", "image_url": {"url": "http://127.0.0.1/secret"}}
    with pytest.raises(
        openai.BadRequestError, match=r"image_url.*expected data:.*fetches no address"
    ):
        await client.chat.completions.create(
            model="echo", messages=[{"role": "user", "content": [address]}]
        )
    with pytest.raises(openai.UnprocessableEntityError, match="out of order"):
        await client.chat.completions.create(model="echo", messages=[user("fail")])
    with pytest.raises(openai.APIError, match="out of order"):
        async for _ in await client.chat.completions.create(
            model="echo", messages=[user("fail")], stream=True
        ):
            pass


async def test_a_call_that_a_person_must_allow_is_told_of(client: openai.AsyncOpenAI) -> None:
    done = await client.chat.completions.create(model="echo", messages=[user("send it")])
    assert "waits for approval of note (send)" in str(done.choices[0].message.content)
