"""Text that would act, and ten megabytes in one result, through what the server sends."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from agentkit import Agent, ToolError, tool
from agentkit.memory import Conversation
from agentkit.messages import Request
from agentkit.serve.mcp import mcp_server
from agentkit.store import Store
from agentkit.testing import ScriptedModel, load_run
from tests.huge import LONG, ROWS, SOME, fail_long, many, much, some
from tests.report.page import HARMFUL, Page
from tests.report.test_hostile import HOSTILE, MARK
from tests.serve.conftest import Served, serve
from tests.serve.test_page import begin, visitor

pytestmark = pytest.mark.anyio

HALF = f"{HOSTILE}\x7f\u2028\ud800"
"""With half of a surrogate pair, which no encoding has."""

MOST_SENT = 500_000
"""Characters of a page, or of all that comes while a run goes on, whatever a result has."""


@tool(effect="read", trusted=False)
async def give() -> str:
    """Give such a text."""
    return HALF


@tool(effect="read", trusted=False)
async def wrap() -> dict[str, str]:
    """Give such a name and text."""
    return {HOSTILE: HOSTILE}


@tool(effect="read", trusted=False)
async def fail() -> str:
    """Fail with it."""
    raise ToolError(HALF)


@tool(effect="once", approve=True)
async def send(to: str, text: str, rows: list[dict[str, int]]) -> int:
    """Send a long text."""
    return len(text) + len(rows)


PLANS = {
    "act": "a = give()\nc = wrap()\nanswer(f'{a}')",
    "long": "a = much()\nb = many()\nc = some()\nanswer(f'{c}')",
    "fail": "a = fail()\nb = fail_long()\nanswer(using=[a, b])",
    "send": "a = much()\nb = many()\nc = send(to='Ann', text=a, rows=b)\nanswer(f'{c}')",
}


def planned(request: Request) -> str:
    said = request.messages[-1].content
    found = next((PLANS[name] for name in PLANS if f"Task: {name}" in said), None)
    planning = "The program so far:" not in said and "a: " not in str(request.messages[1:])
    return found if found and planning else "pass"


@pytest.fixture
async def at(store: Store) -> AsyncGenerator[Served]:
    tools = [give, wrap, fail, some, much, many, fail_long, send]
    model = ScriptedModel(replies=planned, name=HOSTILE)
    agent = Agent(model=model, tools=tools, memory=[Conversation(store.journal)])
    async with serve(store, agent=agent) as served:
        yield served


async def told(at: Served, response: httpx2.Response) -> Any:
    """The JSON of a response in which there is nothing that a terminal would obey."""
    assert not HARMFUL.search(response.text.replace("\r\n", "\n"))
    return response.json()


async def test_json_is_exact_and_no_terminal_obeys_it(at: Served) -> None:
    begun = await at.http.post("/runs", json={"agent": "agent", "task": "act", "session": HOSTILE})
    run = (await told(at, begun))["run"]
    await at.server.live.at_rest(run)
    shown = await told(at, await at.http.get(f"/runs/{run}"))
    steps = {one["node"]: one for one in shown["steps"]}
    assert (steps["a"]["value"], steps["c"]["value"]) == (HALF, {HOSTILE: HOSTILE})
    assert (shown["answer"], shown["session"]) == (HALF, HOSTILE)
    await told(at, await at.http.get("/runs", params={"calls": True}))
    run = await begin(at, "fail", "agent")
    failed = (await told(at, await at.http.get(f"/runs/{run}")))["steps"]
    assert [LONG in str(one["failure"]["message"]) for one in failed] == [False, True]
    assert HALF in failed[0]["failure"]["message"]
    async with visitor(at) as browser:
        page = (await browser.get(f"/page/runs/{run}")).text
    assert len(page) < MOST_SENT and not HARMFUL.search(page)
    for wrong in (f"/runs/{run}/artifacts/\x9b31m", "/v1/models/\u202e\x9b31m"):
        assert "error" in await told(at, await at.http.get(wrong))
    asked: dict[str, Any] = {"model": "agent", "messages": [{"role": "user", "content": "act"}]}
    done = await told(at, await at.http.post("/v1/chat/completions", json=asked))
    assert done["choices"][0]["message"]["content"] == HALF
    done = await told(
        at, await at.http.post("/v1/responses", json={"model": "agent", "input": "act"})
    )
    assert done["output"][0]["content"][0]["text"] == HALF


def of_run(event: dict[str, Any]) -> str:
    return event["data"].get("answer", "") if event["type"] == "run.ended" else ""


def of_chat(event: dict[str, Any]) -> str:
    return str(event["choices"][0]["delta"].get("content") or "")


def of_response(event: dict[str, Any]) -> str:
    return event["delta"] if event["type"] == "response.output_text.delta" else ""


@pytest.mark.parametrize(
    ("path", "asked", "text"),
    [
        ("", {}, of_run),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "act"}]}, of_chat),
        ("/v1/responses", {"input": "act"}, of_response),
    ],
)
async def test_streams_are_exact_and_no_terminal_obeys_them(
    at: Served, path: str, asked: dict[str, Any], text: Callable[[Any], str]
) -> None:
    if path:
        came = await at.http.post(path, json={"model": "agent", "stream": True, **asked})
    else:
        begun = await at.http.post("/runs", json={"agent": "agent", "task": "act"})
        came = await at.http.get(f"/runs/{begun.json()['run']}/events")
    assert not HARMFUL.search(came.text)
    data = [line[6:] for line in came.text.split("\n") if line.startswith("data: ")]
    events = [json.loads(each) for each in data if each != "[DONE]"]
    assert "".join(map(text, events)) == HALF


async def test_ten_megabytes_are_cut_on_the_page_and_had_from_there(at: Served) -> None:
    run = await begin(at, "long", "agent")
    async with visitor(at) as browser:
        path = f"/page/runs/{run}"
        whole = (await browser.get(path)).text
        came = (await browser.get(f"{path}/live")).text
        assert len(whole) < MOST_SENT and len(came) < MOST_SENT
        page = Page(whole)
        for name, cut, shown in (
            ("a", f"12,000 of {len(LONG):,} characters", LONG),
            ("b", f"50 of {ROWS:,} entries", [{"n": number} for number in range(ROWS)]),
        ):
            said = page.step(name).all("p", class_="cut")
            assert said[0].words.startswith(f"Shown: {cut}. The whole has 1"), said[0].words
            got = await browser.get(said[0].one("a").attributes["href"])
            assert not HARMFUL.search(got.text)
            assert "attachment" in got.headers["content-disposition"]
            events = [json.loads(line) for line in got.text.split("\n") if line]
            assert {event["node"] for event in events} == {name}
            assert events[-1]["data"]["value"] == shown
        said = page.root.one("section", id="answer").one("p", class_="cut")
        assert f"{len(SOME):,} characters" in said.words
        got = await browser.get(said.one("a").attributes["href"])
        ended = json.loads(got.text.rstrip("\n").rpartition("\n")[2])
        assert ended["data"]["answer"] == SOME
        assert got.headers["content-disposition"].endswith(f'"{run}.jsonl"')


async def test_what_was_had_from_there_is_a_saved_run(at: Served, tmp_path: Any) -> None:
    run = await begin(at, "act", "agent")
    async with visitor(at) as browser:
        got = await browser.get(f"/page/runs/{run}/whole")
        missing = await browser.get(f"/page/runs/{run}/whole?node={quote(HOSTILE)}")
    assert missing.status_code == 404
    (tmp_path / "run.jsonl").write_bytes(got.content)
    assert load_run(tmp_path / "run.jsonl") == await at.store.journal.events(run)


async def test_ten_megabytes_in_a_chat(at: Served) -> None:
    async with visitor(at) as browser:
        told = await browser.post("/page/chat/agent", data={"task": "long"})
        address = told.headers["location"].partition("#")[0]
        (one,) = await at.store.journal.runs()
        await at.server.live.at_rest(one.run)
        page = (await browser.get(address)).text
        assert len(page) < MOST_SENT
        turn = Page(page).root.one("article", class_="turn")
        assert any("/whole" in each.attributes["href"] for each in turn.all("a"))
        again = await browser.post(address, data={"task": "act"})  # what was said is in its prompt
        assert again.status_code == 303


async def test_a_call_with_ten_megabytes_is_approved_and_forked_as_it_is(at: Served) -> None:
    run = await begin(at, "send", "agent")
    async with visitor(at) as browser:
        path = f"/page/runs/{run}"
        asked = (await browser.get(path)).text
        assert len(asked) < MOST_SENT
        form = Page(asked).root.one("form", class_="decide")
        args = form.one("textarea", name="args").text
        assert json.loads(args) == {"to": "Ann"}
        assert "text is too long to edit here, and stays as it is" in form.words
        assert f"Shown: 12,000 of {len(LONG):,} characters." in form.words
        given = {"node": "c", "verdict": "approve", "args": args.replace("Ann", "Bob")}
        await browser.post(f"{path}/decide", data=given)
        await at.server.live.at_rest(run)
        fork = (await browser.get(f"{path}/fork?node=c")).text
        assert len(fork) < MOST_SENT
        assert json.loads(Page(fork).root.one("textarea", name="args").text) == {"to": "Bob"}
    shown = (await at.http.get(f"/runs/{run}")).json()
    (sent,) = [step for step in shown["steps"] if step["node"] == "c"]
    assert (sent["args"]["to"], sent["args"]["text"] == LONG) == ("Bob", True)
    assert sent["value"] == len(LONG) + ROWS


async def test_names_that_would_act_are_text_on_every_page(at: Served, store: Store) -> None:
    run = await begin(at, HOSTILE, "agent")
    file = {"data": "data:text/html;base64,PGI+", "name": HOSTILE}
    begun = {
        "agent": "agent", "task": HOSTILE, "session": f"page-{HOSTILE}", "files": {"file": file}
    }  # fmt: skip
    second = (await at.http.post("/runs", json=begun)).json()["run"]
    await at.server.live.at_rest(second)
    async with visitor(at) as browser:
        chats = Page((await browser.get("/page/chat/agent")).text)
        (chat,) = [
            each.attributes["href"]
            for each in chats.root.every()
            if each.tag == "a" and each.attributes["href"].startswith("/page/chat/agent/")
        ]
        addresses = ("/", f"/page/runs/{run}", f"/page/runs/{second}", "/page/chat/agent", chat)
        for address in addresses:
            page = await browser.get(address)
            assert page.status_code == 200, address
            assert not HARMFUL.search(page.text), address
            for one in Page(page.text).root.every():
                assert MARK not in one.tag
                assert not any(each.startswith("on") or MARK in each for each in one.attributes)


async def test_an_mcp_client_gets_it_exactly(store: Store) -> None:
    mcp = pytest.importorskip("mcp")
    agent = Agent(tools=[much, wrap, fail_long], store=store)
    async with mcp.Client(mcp_server(agent, each=True)) as client:
        long = await client.call_tool("much", {})
        acting = await client.call_tool("wrap", {})
        failed = await client.call_tool("fail_long", {})
    assert long.structured_content == {"result": LONG}
    assert acting.structured_content == {HOSTILE: HOSTILE}
    assert failed.is_error and 0 < len(failed.content[0].text) < MOST_SENT
