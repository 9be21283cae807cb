"""The page without a browser: who is let in, what is shown and sent, and that text stays text."""

from __future__ import annotations

import re

import httpx2
import pytest

from agentkit import Agent, tool
from agentkit.serve.guard import cookie_of
from agentkit.store import Store, open_store
from agentkit.testing import ScriptedModel
from tests.report.page import Page
from tests.report.test_hostile import HOSTILE, MARK
from tests.serve.conftest import TOKEN, Served, serve

COOKIE = "=".join(cookie_of(TOKEN))


def visitor(served: Served, **headers: str) -> httpx2.AsyncClient:
    """A browser, with the cookie unless others are given."""
    given = {"Cookie": COOKIE, "Origin": served.url, **headers}
    return httpx2.AsyncClient(base_url=served.url, headers=given, timeout=60)


async def begin(served: Served, task: str, agent: str = "echo") -> str:
    """The id of a run that was started by the form, once it rests."""
    async with visitor(served) as browser:
        given = {"agent": agent, "task": task}
        response = await browser.post("/page/runs", data=given)
    assert response.status_code == 303, response.text
    run = response.headers["location"].rpartition("/")[2]
    await served.server.live.at_rest(run)
    return run


async def test_the_link_lets_a_browser_in(served: Served) -> None:
    async with httpx2.AsyncClient(base_url=served.url, timeout=60) as browser:
        door = await browser.get("/")
        assert door.status_code == 401
        assert Page(door.text).root.one("form").attributes["action"] == "/enter"
        assert (await browser.get("/?token=the-tokem")).status_code == 401
        assert (await browser.post("/enter", data={"token": ""})).status_code == 401
        assert not browser.cookies
        entered = await browser.get(f"/?token={TOKEN}")
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and TOKEN not in cookie
        runs = await browser.get("/")
        assert runs.status_code == 200
        policy = runs.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self';" in policy and "unsafe" not in policy
        origin = {"Origin": served.url}
        assert (await browser.post("/page/leave", headers=origin)).status_code == 303
        assert (await browser.get("/")).status_code == 401
        assert (await browser.get("/page/chat/echo")).status_code == 401


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {"Origin": ""}),
        (401, {"Cookie": COOKIE[:-1]}),
        (401, {"Cookie": ""}),
        (403, {"Origin": "http://evil.example"}),
        (403, {"Origin": "null"}),
        (403, {"Sec-Fetch-Site": "cross-site"}),
        (403, {"Sec-Fetch-Site": "same-site"}),
    ],
)
async def test_no_form_of_another_site_does_anything(
    served: Served, status: int, headers: dict[str, str]
) -> None:
    given = {"Cookie": COOKIE, "Origin": served.url, **headers}
    given = {name: value for name, value in given.items() if value}
    async with httpx2.AsyncClient(base_url=served.url, headers=given, timeout=60) as browser:
        for path in ("/page/runs", "/page/chat/echo", "/runs"):
            response = await browser.post(path, data={"agent": "echo", "task": "hello"})
            assert response.status_code == status
    assert await served.store.journal.runs() == []


async def test_runs_are_listed_by_status_agent_and_words(served: Served) -> None:
    await begin(served, "hello there")
    await begin(served, "send it")
    async with visitor(served) as browser:
        for query, tasks in (
            ("", ["send it", "hello there"]),
            ("status=answered", ["hello there"]),
            ("agent=echo&text=IT+send", ["send it"]),
            ("agent=nobody", []),
        ):
            page = Page((await browser.get(f"/?{query}")).text)
            found = [link.words for row in page.root.all("td") for link in row.all("a")]
            assert found == tasks


async def test_a_call_is_approved_with_other_arguments_and_a_step_forked(served: Served) -> None:
    run = await begin(served, "send it")
    async with visitor(served) as browser:
        path = f"/page/runs/{run}"
        page = Page((await browser.get(path)).text)
        assert '"to": "Ann"' in page.root.one("textarea", name="args").text
        given = {"node": "note", "verdict": "approve", "args": "[]"}
        wrong = await browser.post(f"{path}/decide", data=given)
        assert wrong.status_code == 400 and "expected a JSON object" in wrong.text
        given["args"] = '{"to": "Bob", "text": [1, 1e999]}'
        wrong = await browser.post(f"{path}/decide", data=given)
        assert wrong.status_code == 400 and "expected a finite number; got 1e999" in wrong.text
        given["args"] = '{"to": "Bob", "text": "hello"}'
        assert (await browser.post(f"{path}/decide", data=given)).status_code == 303
        await served.server.live.at_rest(run)
        assert "sent to Bob: hello" in (await browser.get(path)).text
        assert (await browser.post(f"{path}/decide", data=given)).status_code == 409
        given = {"node": "note", "args": '{"to": "Cid", "text": "hello"}'}
        forked = await browser.post(f"{path}/fork", data=given)
        other = forked.headers["location"]
        await served.server.live.at_rest(other.rpartition("/")[2])
        assert "Cid" in Page((await browser.get(other)).text).root.one("textarea", name="args").text
        given = {"node": "note", "verdict": "deny", "reason": "not today"}
        assert (await browser.post(f"{other}/decide", data=given)).status_code == 303
        await served.server.live.at_rest(other.rpartition("/")[2])
        assert "not today" in (await browser.get(other)).text


@pytest.mark.parametrize(
    ("typed", "value"), [("7", 7), ('"7"', "7"), ("seven", "seven"), ("", None)]
)
async def test_what_a_call_in_doubt_came_to_is_read_as_json(
    store: Store, typed: str, value: int | str | None
) -> None:
    @tool(effect="once")
    def count() -> int:
        """Count the parcels that are sent."""
        return 1

    program = "sent = count()\nanswer(f'{sent + 1}')"
    agent = Agent(model=ScriptedModel(replies=lambda request: program), tools=[count])
    whole = open_store("memory")
    async with serve(whole, post=agent) as killed:
        run = await begin(killed, "send", "post")
    for event in await whole.journal.events(run):
        store.journal.append(event)
        if event.type == "effect.intent":
            break
    await whole.close()
    async with serve(store, post=agent) as served, visitor(served) as browser:
        await served.http.post(f"/runs/{run}/resume")
        await served.server.live.at_rest(run)
        doubt = {"node": "sent", "verdict": "done", "value": "NaN"}
        said = await browser.post(f"/page/runs/{run}/decide", data=doubt)
        await browser.post(f"/page/runs/{run}/decide", data={**doubt, "value": typed})
        await served.server.live.at_rest(run)
        found = (await served.http.get(f"/runs/{run}")).json()
    assert said.status_code == 400 and "expected a finite number; got NaN" in said.text
    (step,) = found["steps"]
    assert (step["status"], step["value"], "failure" in step) == ("value", value, False)
    assert found["answer"] == "8" or value != 7


async def test_a_stream_brings_each_part_once(served: Served) -> None:
    run = await begin(served, "weather")
    events = await served.store.journal.events(run)
    async with visitor(served) as browser:
        path = f"/page/runs/{run}/live"
        for known in range(len(events) + 1):
            last = {"Last-Event-ID": str(known)}
            text = (await browser.get(path, headers=last)).text
            rows = re.findall(r'class="event">(?:<summary>)?<span class="dim">(\d+)', text)
            assert [int(row) for row in rows] == list(range(known + 1, len(events) + 1))
            ids = [int(id) for id in re.findall(r"(?m)^id: (\d+)$", text)]
            assert ids[-1] == len(events) and "event: end" in text
        assert (await browser.get(path, headers={"Last-Event-ID": "x"})).status_code == 400
        assert (await browser.get(path, params={"at": "t1-'"})).status_code == 400


async def test_a_chat_is_a_session(served: Served) -> None:
    async with visitor(served) as browser:
        sound = {"files": ("note.wav", b"RIFF", "audio/wav")}
        said = await browser.post("/page/chat/echo", data={"task": "hello"}, files=sound)
        path = said.headers["location"].partition("#")[0]
        await browser.post(path, data={"task": "and again"})
        for one in await served.store.journal.runs():
            await served.server.live.at_rest(one.run)
        page = Page((await browser.get(path)).text)
        assert [
            turn.one("div", class_="mine").one("p", class_="message").words
            for turn in page.root.all("article")
        ] == ["hello", "and again"]
        (audio,) = page.root.all("audio")
        assert (await browser.get(audio.attributes["src"])).content == b"RIFF"
        assert "hello" in (await browser.get("/page/chat/echo")).text
        assert (await browser.get("/page/chat/nobody")).status_code == 404


async def test_hostile_text_is_never_markup(store: Store) -> None:
    @tool(effect="once", approve=True)
    def give(text: str) -> str:
        """Give it back."""
        return text

    program = f"got = give(text={HOSTILE + chr(13) + 'event: end'!r})\nanswer(f'{{got}}')"
    model = ScriptedModel(replies=lambda request: program)
    async with serve(store, hostile=Agent(model=model, tools=[give])) as served:
        run = await begin(served, HOSTILE, "hostile")
        async with visitor(served) as browser:
            path = f"/page/runs/{run}"
            stream = (await browser.get(f"{path}/live")).text
            assert "\r" not in stream and stream.count("\nevent: end\n") == 1
            parts = re.sub(r"(?m)^data: ?", "", stream.partition("event: parts\n")[2])
            texts = [parts.partition("\n\nid: ")[0]]
            wrong = await browser.post(f"{path}/decide", data={"verdict": HOSTILE})
            args = Page((await browser.get(path)).text).root.one("textarea", name="args").text
            given = {"node": "got", "verdict": "approve", "args": args}
            await browser.post(f"{path}/decide", data=given)
            await served.server.live.at_rest(run)
            assert "with other arguments" not in (await browser.get(path)).text
            for address in (path, "/", f"/?text={MARK}", f"{path}/fork?node=got"):
                texts.append((await browser.get(address)).text)
    for text in [*texts, wrong.text]:
        for one in Page(text).root.every():
            assert MARK not in one.tag
            assert not any(name.startswith("on") or MARK in name for name in one.attributes)
            address = [one.attributes.get(name, "") for name in ("src", "href", "action")]
            assert all(each.startswith(("/", "#", "data:,")) for each in address if each)
            assert one.tag != "script" or one.attributes["src"].startswith("/page/assets/")
