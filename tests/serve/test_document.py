"""The server's own OpenAPI document; schemathesis tests all of it in `make conformance`."""

from __future__ import annotations

import httpx2

from tests.serve.conftest import Served


async def test_nothing_in_the_document_goes_without_a_token_but_health(served: Served) -> None:
    document = (await served.http.get("/openapi.json")).json()
    assert document["components"]["schemas"]["Start"]["properties"]["agent"]["enum"] == ["echo"]
    found = [(path, method) for path, methods in document["paths"].items() for method in methods]
    assert len(found) == 18
    async with httpx2.AsyncClient(base_url=served.url, timeout=60) as stranger:
        for path, method in found:
            response = await stranger.request(method, path.replace("{", "").replace("}", ""))
            operation = document["paths"][path][method]
            assert str(response.status_code) in operation["responses"]
            assert (response.status_code == 200) == (path == "/health")
            assert operation.get("security", document["security"]) == (
                [] if path == "/health" else [{"token": []}]
            )


async def test_what_was_not_expected_is_told(served: Served) -> None:
    wrong = {
        "query": await served.http.get("/runs", params={"limit": "many"}),
        "body": await served.http.post("/runs", json={"agent": 1, "task": "x"}),
        "JSON": await served.http.post(
            "/runs", content=b"{", headers={"Content-Type": "application/json"}
        ),
        "known": await served.http.post("/runs", json={"agent": "echo", "task": "x", "more": 1}),
    }
    assert {what: answer.status_code for what, answer in wrong.items()} == dict.fromkeys(wrong, 400)
    assert wrong["body"].json()["error"]["param"] == "agent"
    for number in ("NaN", "-Infinity", "1e999"):
        body = f'{{"agent": "echo", "task": "x", "values": {{"n": [{number}]}}}}'
        refused = await served.http.post(
            "/runs", content=body, headers={"Content-Type": "application/json"}
        )
        assert refused.status_code == 400
        assert f"expected a finite number; got {number}" in refused.json()["error"]["message"]
    assert await served.store.journal.runs() == []
    other = await served.http.put("/runs")
    assert (other.status_code, {*other.headers["allow"].split(", ")}) == (
        405,
        {"GET", "HEAD", "POST"},
    )
