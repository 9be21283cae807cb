"""Planning by native tool calls against a real server that speaks OpenAI's wire format."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from agentkit import Agent, ToolError, tool
from agentkit.errors import ModelError
from agentkit.messages import Profile
from agentkit.models.openai import OpenAIModel
from tests.models.server import Server, response, stream

pytestmark = pytest.mark.anyio


@tool(effect="pure")
def price(item: str) -> int:
    """The price of an item in cents."""
    if item == "moon":
        raise ToolError("the moon is not for sale")
    return 100 * len(item)


@tool(effect="pure")
def add(numbers: list[int]) -> int:
    """The sum."""
    return sum(numbers)


async def pause(seconds: float) -> None:
    """Waits for nothing, but lets others run."""
    await asyncio.sleep(0)


def agent(server: Server, **options: Any) -> Agent[Any]:
    given: dict[str, Any] = {"profile": Profile(), **options}
    model = OpenAIModel("m", base_url=f"{server.url}/v1", api_key="key", sleep=pause, **given)
    return Agent(model=model, planner="tool_calls", tools=[price, add], store="memory")


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def called(*calls: tuple[str, str], size: int = 5) -> bytes:
    """A streamed reply with these calls, their arguments in fragments of so many characters."""
    events: list[Any] = [chunk(role="assistant", content=None)]
    for index, (name, arguments) in enumerate(calls):
        first = {"name": name, "arguments": ""}
        head = {"index": index, "id": f"call_{index}", "type": "function", "function": first}
        events.append(chunk(tool_calls=[head]))
        for at in range(0, len(arguments), size):
            piece = {"index": index, "function": {"arguments": arguments[at : at + size]}}
            events.append(chunk(tool_calls=[piece]))
    return stream([*events, chunk("tool_calls")])


def said(*pieces: str) -> bytes:
    return stream([*(chunk(content=piece) for piece in pieces), chunk("stop")])


async def test_a_task_is_carried_out_by_streamed_calls(server: Server) -> None:
    server.answers = [
        called(("price", '{"item": "tea"}'), ("price", '{"item": "cake"}')),
        called(("add", '{"numbers": ["$price_1", "$price_2"]}')),
        said("Together ", "7 euros."),
    ]
    run = await agent(server).run("What do tea and cake cost together?")
    assert run.answer == "Together 7 euros."
    assert run.outcomes["add_1"].value == 700
    first, second, third = server.bodies
    assert [one["function"]["name"] for one in first["tools"]] == ["price", "add"]
    assert first["tools"][0]["function"]["parameters"]["required"] == ["item"]
    assert [message["role"] for message in first["messages"]] == ["system", "user"]
    assert [message["role"] for message in second["messages"][2:]] == ["assistant", "tool"] * 2
    made = third["messages"][-2]["tool_calls"][0]
    assert json.loads(made["function"]["arguments"]) == {"numbers": ["$price_1", "$price_2"]}
    assert third["messages"][-1] == {
        "role": "tool",
        "tool_call_id": made["id"],
        "content": '<data of="add_1" type="int">\n700\n</data>',
    }


async def test_every_call_that_is_sent_has_its_answer(server: Server) -> None:
    """A server of this format refuses a conversation in which one has none, or an answer has no
    call."""
    server.answers = [
        called(("price", '{"item": "moon"}'), ("price", '{"item": "tea"}')),
        called(("buy", "{}")),
        said("No moon today."),
    ]
    run = await agent(server).run("Buy the moon.")
    assert run.answer == "No moon today." and [*run.failures] == ["price_1"]
    for body in server.bodies:
        asked = [c["id"] for m in body["messages"] for c in m.get("tool_calls", ())]
        answered = [m["tool_call_id"] for m in body["messages"] if m["role"] == "tool"]
        assert asked == answered and len(set(asked)) == len(asked)
    told = server.bodies[1]["messages"]
    assert any("ToolError: the moon is not for sale" in str(m["content"]) for m in told)
    assert "expected a tool; found 'buy'" in server.bodies[2]["messages"][-1]["content"]


async def test_arguments_that_were_cut_go_back_and_nothing_of_the_wave_runs(server: Server) -> None:
    server.answers = [
        called(("price", '{"item": "tea"}'), ("price", '{"item": "ca')),
        said("I could not."),
    ]
    run = await agent(server).run("Tea and cake?")
    assert run.answer == "I could not." and run.outcomes == {}
    assert "2:1 syntax: expected JSON arguments of price" in str(server.bodies[1]["messages"][-1])


async def test_a_server_without_native_calls_is_told_of_them_in_words(server: Server) -> None:
    calls = '{"calls": [{"name": "price", "arguments": {"item": "tea"}}]}'
    server.answers = [said(calls[:20], calls[20:]), said("3 ", "euros.")]
    run = await agent(server, profile=Profile(tools=False)).run("What is tea?")
    assert run.answer == "3 euros." and run.outcomes["price_1"].value == 300
    assert not any("tools" in body or "tool_calls" in str(body) for body in server.bodies)
    assert "Result of call price_1" in str(server.bodies[1]["messages"])


async def test_a_server_that_breaks_off_is_asked_again_by_nobody_behind_the_scenes(
    server: Server,
) -> None:
    """Half a reply is an error of the run: its calls may not run."""
    whole = called(("price", '{"item": "tea"}'))
    server.answers = [whole[: len(whole) // 2]]
    with pytest.raises(ModelError, match="openai:m"):
        await agent(server).run("What is tea?")
    assert len(server.bodies) == 1


async def test_a_busy_server_is_asked_again(server: Server) -> None:
    busy = response('{"error": {"message": "slow down"}}', status=429, headers="retry-after: 0\r\n")
    server.answers = [busy, called(("price", '{"item": "tea"}')), busy, said("3 euros.")]
    run = await agent(server).run("What is tea?")
    assert run.answer == "3 euros." and len(server.bodies) == 4
