"""The openai SDK against `/v1/responses`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.types.responses import FunctionToolParam

from tests.serve.conftest import TOKEN, Served

WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}


@pytest.fixture
async def client(served: Served) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{served.url}/v1", api_key=TOKEN, max_retries=0
    ) as client:
        yield client


async def test_a_response_and_the_next_one(client: openai.AsyncOpenAI, served: Served) -> None:
    first = await client.responses.create(model="echo", input="hello")
    assert (first.status, first.output_text) == ("completed", "You said: hello")
    assert first.usage is not None
    assert first.usage.total_tokens > 0
    second = await client.responses.create(
        model="echo", input="again", previous_response_id=first.id
    )
    assert second.output_text == "You said: again"
    third = await client.responses.create(
        model="echo", input="and again", previous_response_id=second.id
    )
    run = third.id.split("_")[1]
    recalled: Any = (await served.store.journal.events(run))[1].data["history"]
    assert [turn["content"] for turn in recalled] == [
        "hello", "You said: hello", "again", "You said: again"
    ]  # fmt: skip
    assert (await client.responses.retrieve(first.id)).output_text == "You said: hello"
    with pytest.raises(openai.NotFoundError, match="there is no response 'resp_x_0'"):
        await client.responses.retrieve("resp_x_0")


async def test_the_events_of_a_response(client: openai.AsyncOpenAI) -> None:
    stream = await client.responses.create(model="echo", input="hello", stream=True)
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == [*range(len(events))]
    kinds = [event.type.removeprefix("response.") for event in events]
    assert kinds == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    failing = await client.responses.create(model="echo", input="fail", stream=True)
    last = [event async for event in failing][-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert "out of order" in last.response.error.message


async def test_a_tool_of_the_client(client: openai.AsyncOpenAI, served: Served) -> None:
    async with client.responses.stream(
        model="echo", input="weather please", tools=[WEATHER]
    ) as stream:
        async for _ in stream:
            pass
        asked = await stream.get_final_response()
    (call,) = asked.output
    assert call.type == "function_call"
    assert (call.name, call.arguments) == ("get_weather", '{"city": "Prague"}')
    done = await client.responses.create(
        model="echo",
        previous_response_id=asked.id,
        tools=[WEATHER],
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}],
    )
    assert done.output_text == "It is sunny in Prague."
    assert len(await served.store.journal.runs()) == 1
    again = await client.responses.retrieve(asked.id)
    assert again.output[0].model_dump() == call.model_dump(exclude={"parsed_arguments"})
