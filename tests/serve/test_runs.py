"""Runs over HTTP: started, followed, decided about, stopped, resumed, forked."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from typing import Any

import httpx2
import pytest

from agentkit import Agent, tool
from agentkit.media import Artifact
from agentkit.planners import Fixed
from agentkit.serve.bounds import Bounds
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from tests.serve.conftest import Served, serve

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def url_of(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"


async def start(served: Served, task: str, **more: Any) -> dict[str, Any]:
    response = await served.http.post("/runs", json={"agent": "echo", "task": task, **more})
    assert response.status_code == 201, response.text
    return response.json()


def another(served: Served) -> httpx2.AsyncClient:
    """A client of its own, to leave or to be left."""
    return httpx2.AsyncClient(base_url=served.url, headers=served.http.headers, timeout=60)


async def events(served: Served, run: str, after: int = 0) -> list[tuple[str, Any]]:
    """Id and data of each event of the stream, to its end."""
    found: list[tuple[str, Any]] = []
    headers = {"Last-Event-ID": str(after)} if after else {}
    async with served.http.stream("GET", f"/runs/{run}/events", headers=headers) as response:
        id = ""
        async for line in response.aiter_lines():
            id = line.removeprefix("id: ") if line.startswith("id: ") else id
            if line.startswith("data: "):
                found.append((id, json.loads(line.removeprefix("data: "))))
                id = ""
    return found


async def ended(served: Served, run: str) -> dict[str, Any]:
    await events(served, run)
    return (await served.http.get(f"/runs/{run}")).json()


async def test_a_run_is_started_followed_and_listed(served: Served) -> None:
    run = (await start(served, "hello", values={"n": 1}))["run"]
    seen = await events(served, run)
    stored = [data for id, data in seen if id]
    assert [id for id, _ in seen if id] == [str(data["seq"]) for data in stored]
    assert [data["seq"] for data in stored] == [*range(1, len(stored) + 1)]
    assert stored[-1]["data"]["answer"] == "You said: hello"
    rest = await events(served, run, after=3)
    assert [int(id) for id, _ in rest if id] == [*range(4, len(stored) + 1)]
    again = await served.http.get(
        f"/runs/{run}/events", headers={"Last-Event-ID": str(len(stored))}
    )
    assert again.status_code == 204
    other = (await start(served, "hello again"))["run"]
    await events(served, other)
    page = (await served.http.get("/runs", params={"limit": 1, "status": "answered"})).json()
    assert [line["run"] for line in page["runs"]] == [other]
    page = (await served.http.get("/runs", params={"after": page["next"]})).json()
    assert ([line["run"] for line in page["runs"]], page["next"]) == ([run], None)
    found = (await served.http.get("/runs", params={"text": "AGAIN"})).json()["runs"]
    assert [line["run"] for line in found] == [other]


async def test_a_list_goes_on_behind_a_run_that_is_not_of_it_any_more(served: Served) -> None:
    wanted, newest = [(await start(served, task))["run"] for task in ("hello", "good day")]
    rest = (await served.http.get("/runs", params={"text": "hello", "after": newest})).json()
    assert [line["run"] for line in rest["runs"]] == [wanted]
    unknown = await served.http.get("/runs", params={"after": "nowhere"})
    assert (unknown.status_code, unknown.json()["error"]["param"]) == (400, "after")


async def test_a_call_is_approved_with_other_arguments_and_denied(served: Served) -> None:
    run = (await start(served, "send it"))["run"]
    waits = await ended(served, run)
    assert waits["status"] == "paused"
    assert waits["waiting"][0]["args"] == {"to": "Ann", "text": "hello"}
    wrong = await served.http.post(f"/runs/{run}/approve", json={"node": "nobody"})
    assert wrong.status_code == 409
    misfit = await served.http.post(
        f"/runs/{run}/approve", json={"node": "note", "args": {"to": 7}}
    )
    assert misfit.status_code == 409
    assert "expected str for 'to' of send; found 7" in misfit.json()["error"]["message"]
    allowed = await served.http.post(
        f"/runs/{run}/approve", json={"node": "note", "args": {"to": "Bob"}}
    )
    assert allowed.json()["waiting"] == []
    assert (await served.http.post(f"/runs/{run}/resume")).status_code == 202
    assert (await ended(served, run))["answer"] == "sent to Bob: hello"

    run = (await start(served, "send it"))["run"]
    await ended(served, run)
    denied = await served.http.post(f"/runs/{run}/deny", json={"node": "note", "reason": "no"})
    assert denied.status_code == 200
    await served.http.post(f"/runs/{run}/resume")
    assert (await ended(served, run))["steps"][0]["status"] == "denied"


async def test_a_fork_changes_one_node(served: Served) -> None:
    run = (await start(served, "send it"))["run"]
    await ended(served, run)
    change = {"node": "note", "args": {"to": "Cid"}}
    await served.http.post(f"/runs/{run}/approve", json={"node": "note"})
    await served.http.post(f"/runs/{run}/resume")
    await ended(served, run)
    fork = await served.http.post(f"/runs/{run}/fork", json=change)
    assert fork.status_code == 201
    nowhere = await served.http.post(f"/runs/{run}/fork", json={"node": "nobody"})
    assert nowhere.status_code == 409
    waits = await ended(served, fork.json()["run"])
    assert waits["waiting"][0]["args"] == {"to": "Cid", "text": "hello"}


class Slow:
    """An agent with a call that ends when it is told to."""

    def __init__(self) -> None:
        self.began, self.go_on = asyncio.Event(), asyncio.Event()

        @tool(effect="read")
        async def wait() -> str:
            """Wait."""
            self.began.set()
            await self.go_on.wait()
            return "done"

        planner = Fixed("found = wait()\nanswer(f'{found}')")
        self.agent = Agent(model=ScriptedModel(), tools=[wait], planner=planner)


async def test_a_run_goes_on_without_listeners_and_can_be_stopped(store: Store) -> None:
    slow = Slow()
    async with serve(store, Bounds(runs=1, streams=1), slow=slow.agent) as served:
        run = (await start(served, "wait", agent="slow"))["run"]
        async with served.http.stream("GET", f"/runs/{run}/events") as response:
            async for line in response.aiter_lines():
                if "node.started" in line:
                    break
            full = await served.http.get(f"/runs/{run}/events")
            assert (full.status_code, full.headers["retry-after"]) == (503, "5")
        more = await served.http.post("/runs", json={"agent": "echo", "task": "hello"})
        assert (more.status_code, more.headers["retry-after"]) == (429, "5")
        assert (await served.http.get(f"/runs/{run}")).json()["live"]
        stopped = await served.http.post(f"/runs/{run}/cancel")
        assert (stopped.json()["status"], stopped.json()["live"]) == ("cancelled", False)
        assert (await served.http.post(f"/runs/{run}/cancel")).status_code == 409
        slow.go_on.set()
        await served.http.post(f"/runs/{run}/resume")
        assert (await ended(served, run))["answer"] == "done"


async def test_a_server_that_stops_ends_streams_and_leaves_runs_that_go_on(store: Store) -> None:
    slow = Slow()
    async with serve(store, slow=slow.agent) as served:
        run = (await start(served, "wait", agent="slow"))["run"]
        async with another(served) as http:
            async with http.stream("GET", f"/runs/{run}/events") as response:
                lines = response.aiter_lines()
                await slow.began.wait()
                stopping = asyncio.ensure_future(served.stop())
                text = [line async for line in lines]
                await stopping
        assert '"cancelled"' in "".join(text)
    slow.go_on.set()
    async with serve(store, slow=slow.agent) as served:
        assert (await served.http.post(f"/runs/{run}/resume")).status_code == 202
        assert (await ended(served, run))["answer"] == "done"


async def test_what_a_chat_is_left_by_is_cancelled(store: Store) -> None:
    slow = Slow()
    async with serve(store, slow=slow.agent) as served:
        asked = {
            "model": "slow", "messages": [{"role": "user", "content": "wait"}], "stream": True
        }  # fmt: skip
        for stream in (True, False):
            slow.began.clear()
            asked["stream"] = stream
            async with another(served) as http:
                asking = asyncio.ensure_future(http.post("/v1/chat/completions", json=asked))
                await slow.began.wait()
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
            newest = (await served.http.get("/runs", params={"limit": 1})).json()["runs"][0]
            assert (await ended(served, newest["run"]))["status"] == "cancelled"


KINDS = {
    "image/png": "inline",
    "text/html": "attachment",
    "image/svg+xml": "attachment",
    "application/x-evil": "attachment",
}


@pytest.mark.parametrize(("kind", "shown"), KINDS.items())
async def test_an_artifact_can_not_act(served: Served, kind: str, shown: str) -> None:
    file = {"data": url_of(PNG, kind), "name": 'a"b\n.png'}
    run = (await start(served, "hello", files={"file": file}))["run"]
    found: Artifact = served.store.artifacts.put(PNG, media_type=kind)
    response = await served.http.get(f"/runs/{run}/artifacts/{found.sha256}")
    assert response.content == PNG
    assert response.headers["content-type"].split(";")[0] == kind
    assert response.headers["content-disposition"].startswith(shown)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    part = await served.http.get(
        f"/runs/{run}/artifacts/{found.sha256}", headers={"Range": "bytes=0-3"}
    )
    assert (part.status_code, part.content) == (206, PNG[:4])
    nothing = await served.http.get(f"/runs/{run}/artifacts/{'0' * 64}")
    assert nothing.status_code == 404
