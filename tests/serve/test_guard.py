"""Who may not ask: nothing is begun for them, and nothing is told."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from agentkit.serve.bounds import Bounds
from agentkit.serve.guard import names_of
from agentkit.store import Store
from tests.serve.conftest import TOKEN, Served, serve

GOOD = {"Authorization": f"Bearer {TOKEN}"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

TABLE: dict[str, tuple[int, dict[str, str]]] = {
    "no token": (401, {}),
    "wrong token": (401, {"Authorization": "Bearer the-tokem"}),
    "token of another kind": (401, {"Authorization": f"Basic {TOKEN}"}),
    "beginning of the token": (401, {"Authorization": f"Bearer {TOKEN[:-1]}"}),
    "a token that is no ASCII": (401, {"Authorization": "Bearer t\xf6ken"}),
    "foreign host": (403, {**GOOD, "Host": "evil.example"}),
    "our name before a foreign one": (403, {**GOOD, "Host": "localhost.evil.example"}),
    "a user before our host": (403, {**GOOD, "Host": "evil.example@x"}),
    "foreign origin": (403, {**GOOD, "Origin": "http://evil.example"}),
    "origin of a sandbox": (403, {**GOOD, "Origin": "null"}),
    "an origin that is no address": (403, {"Origin": "http://["}),
    "origin with another port": (403, {**GOOD, "Origin": "http://127.0.0.1:1"}),
    "another site": (403, {**GOOD, "Sec-Fetch-Site": "cross-site"}),
    "another port of this machine": (403, {**GOOD, "Sec-Fetch-Site": "same-site"}),
    "a form with the token": (415, {**GOOD, **FORM}),
    "a form of another site": (403, {**GOOD, **FORM, "Origin": "http://evil.example"}),
    "large headers": (431, {**GOOD, "X-Large": "x" * 33_000}),
}
START = b'{"agent": "echo", "task": "hello"}'
PATHS = ("/runs", "/v1/chat/completions", "/v1/responses")


@pytest.mark.parametrize(("status", "headers"), TABLE.values(), ids=TABLE.keys())
async def test_no_action_for(served: Served, status: int, headers: dict[str, str]) -> None:
    async with httpx2.AsyncClient(base_url=served.url, timeout=60) as stranger:
        for path in PATHS:
            kind = {"Content-Type": "application/json"}
            given = [(k.encode(), v.encode("latin-1")) for k, v in {**kind, **headers}.items()]
            response = await stranger.post(path, content=START, headers=given)
            assert response.status_code == status
            assert response.json()["error"]["message"]
            assert TOKEN not in response.text
    assert await served.store.journal.runs() == []
    assert len(served.server.live) == 0


async def test_only_health_needs_no_token(served: Served) -> None:
    async with httpx2.AsyncClient(base_url=served.url, timeout=60) as stranger:
        assert (await stranger.get("/health")).json() == {"status": "ok"}
        for path in ("/", "/metrics", "/openapi.json", "/v1/models", "/health/", "/nothing"):
            assert (await stranger.get(path)).status_code == 401


async def test_our_own_origin_may_ask(served: Served) -> None:
    response = await served.http.get("/metrics", headers={"Origin": served.url})
    assert response.status_code == 200


async def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(store: Store) -> None:
    async with serve(store, Bounds(body_bytes=1000)) as served:

        async def unsaid() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b" " * 500

        for content in (b" " * 1001, unsaid()):
            kind = {"Content-Type": "application/json"}
            response = await served.http.post("/runs", content=content, headers=kind)
            assert response.status_code == 413


def test_names_of_a_server_that_others_reach() -> None:
    names = names_of("0.0.0.0", ["Agents.example"])
    assert "agents.example" in names
    assert "10.1.2.3" in names
    assert "other.example" not in names
    assert "10.1.2.3" not in names_of("192.168.0.2")
