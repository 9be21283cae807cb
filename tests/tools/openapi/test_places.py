"""Where arguments go, in the styles of RFC 6570, and requests that never leave."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from agentkit import Agent
from agentkit.planners import Fixed
from agentkit.run import Run
from agentkit.testing import ScriptedModel
from agentkit.tools import OpenApi
from agentkit.types import Json

pytestmark = pytest.mark.anyio

LIST: Json = {"type": "array", "items": {"type": "string"}}


def parameter(name: str, place: str, schema: Json, **more: Json) -> dict[str, Json]:
    return {"name": name, "in": place, "schema": schema, **more}


class Wire:
    """A server that takes everything and keeps what came."""

    def __init__(self, path: str, *parameters: dict[str, Json], method: str = "get") -> None:
        self.came: list[httpx2.Request] = []
        operation: Any = {"operationId": "go", "parameters": [*parameters], "responses": {}}
        self.document: Any = {"openapi": "3.1.0", "paths": {path: {method: operation}}}

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.came.append(request)
        return httpx2.Response(200, json={})

    async def run(self, call: str, transport: httpx2.AsyncBaseTransport | None = None) -> Run[Any]:
        api = OpenApi(
            self.document,
            server="http://wire.example",
            transport=transport or httpx2.MockTransport(self.answer),
        )
        plan = Fixed(f"a = {call}\nanswer('over')")
        model = ScriptedModel(replies=lambda request: "no more")
        return await Agent(model=model, tools=[api], planner=plan, store="memory").run("Go.")


@pytest.mark.parametrize(
    ("style", "explode", "listed", "named"),
    [
        ("simple", False, "b,c%2Cd", "R,1,G,%2F"),
        ("simple", True, "b,c%2Cd", "R=1,G=%2F"),
        ("label", False, ".b,c%2Cd", ".R,1,G,%2F"),
        ("label", True, ".b.c%2Cd", ".R=1.G=%2F"),
        ("matrix", False, ";x=b,c%2Cd", ";y=R,1,G,%2F"),
        ("matrix", True, ";x=b;x=c%2Cd", ";R=1;G=%2F"),
    ],
)
async def test_lists_and_objects_stand_in_paths_in_their_style(
    style: str, explode: bool, listed: str, named: str
) -> None:
    how: Any = {"style": style, "explode": explode, "required": True}
    wire = Wire(
        "/{x}/{y}",
        parameter("x", "path", LIST, **how),
        parameter("y", "path", {"type": "object"}, **how),
    )
    await wire.run('go(x=["b", "c,d"], y={"R": 1, "G": "/"})')
    [came] = wire.came
    assert came.url.raw_path.decode() == f"/{listed}/{named}"


@pytest.mark.parametrize("value", [["", ""], ["", "/.."], []])
async def test_no_list_of_labels_leaves_its_place_in_the_path(value: list[str]) -> None:
    wire = Wire("/a/{x}/b", parameter("x", "path", LIST, style="label", explode=True))
    failure = (await wire.run(f"go(x={value!r})")).outcomes["a"].failure
    assert failure and "stays in its place in the path" in failure.message
    assert wire.came == []


async def test_what_has_no_parts_is_left_out() -> None:
    wire = Wire(
        "/a",
        parameter("ids", "query", LIST, explode=False),
        parameter("bars", "query", LIST, style="pipeDelimited", explode=False),
        parameter("thing", "query", {"type": "object"}, explode=False),
        parameter("X-Ids", "header", LIST),
        parameter("q", "query", {"type": "string"}),
    )
    await wire.run('go(ids=[], bars=[], thing={}, X_Ids=[], q="")')
    [came] = wire.came
    assert (came.url.raw_path.decode(), "x-ids" in came.headers) == ("/a?q=", False)


async def test_blanks_around_a_header_are_no_part_of_it() -> None:
    wire = Wire("/a", parameter("X-Note", "header", {"type": "string"}), method="post")
    await wire.run("go(X_Note=' hi ')")
    assert [one.headers["x-note"] for one in wire.came] == ["hi"]


async def test_a_request_that_cannot_be_sent_is_not_in_doubt() -> None:
    """A name that no header can have: the transport refuses it before anything is sent."""
    wire = Wire("/a", parameter("X Note", "header", {"type": "string"}), method="post")

    class Strict(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            raise httpx2.LocalProtocolError("Illegal header name b'X Note'")

    outcome = (await wire.run("go(X_Note='hi')", Strict())).outcomes["a"]
    assert outcome.status == "failed" and outcome.attempts == 1
    assert outcome.failure and "Illegal header name" in outcome.failure.message
