"""Server-sent JSON events over HTTP, asked for again where that may help.

A client lives as long as one call: a model is used from several event loops (`run_sync` makes
one each time), and a connection belongs to the loop that opened it.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncGenerator
from functools import cache
from typing import TYPE_CHECKING

from agentkit.errors import ModelError
from agentkit.models.endpoint import (
    Endpoint,
    JsonObject,
    described,
    parsed_object,
    refusal,
    reported,
)

if TYPE_CHECKING:
    import httpx2
    from tenacity import RetryCallState


@contextlib.asynccontextmanager
async def connect(endpoint: Endpoint) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client for one call, or for a few that belong together. Closed at the end."""
    import httpx2

    async with httpx2.AsyncClient(
        base_url=endpoint.base_url,
        headers=dict(endpoint.headers),
        timeout=httpx2.Timeout(endpoint.timeout_s, connect=min(endpoint.timeout_s, 15.0)),
        verify=certificates() if endpoint.base_url.startswith("https:") else False,
        # The proxy of the environment is for the network, not for this machine.
        trust_env=not is_loopback(endpoint.base_url),
    ) as client:
        yield client


async def fetch(
    client: httpx2.AsyncClient, endpoint: Endpoint, path: str, body: JsonObject | None = None
) -> JsonObject:
    """The JSON object that the path answers: a POST where there is a body, else a GET."""
    with described(endpoint):
        method = "GET" if body is None else "POST"
        response = await client.request(method, path, json=body)
        if response.status_code >= 400:
            raise refusal(endpoint, response)
        return parsed_object(endpoint, response.text)


async def events(
    client: httpx2.AsyncClient, endpoint: Endpoint, path: str, body: JsonObject
) -> AsyncGenerator[JsonObject]:
    """The JSON objects of the event stream that a POST answers, until `[DONE]` or its end.

    Refused and unreachable calls are repeated within the endpoint's bounds.
    """
    import httpx2

    async with contextlib.AsyncExitStack() as stack:
        response = await _opened(client, endpoint, path, body, stack)
        with described(endpoint):
            async for event in httpx2.EventSource(response):
                if event.data == "[DONE]":
                    return
                if event.data:
                    data = parsed_object(endpoint, event.data)
                    if data.get("error"):
                        raise reported(endpoint, data["error"])
                    yield data


async def _opened(
    client: httpx2.AsyncClient,
    endpoint: Endpoint,
    path: str,
    body: JsonObject,
    stack: contextlib.AsyncExitStack,
) -> httpx2.Response:
    import tenacity

    async for attempt in tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(lambda error: _worth_waiting(error, endpoint)),
        wait=_wait,
        stop=tenacity.stop_after_attempt(endpoint.attempts),
        sleep=endpoint.sleep,
        reraise=True,
    ):
        with attempt, described(endpoint):
            response = await stack.enter_async_context(client.stream("POST", path, json=body))
            if response.status_code < 400:
                return response
            await response.aread()
            raise refusal(endpoint, response)
    raise AssertionError("tenacity ends with a result or an error")


def _worth_waiting(error: BaseException, endpoint: Endpoint) -> bool:
    return (
        isinstance(error, ModelError)
        and error.retryable
        and (error.retry_after_s or 0.0) <= endpoint.most_wait_s
    )


def _wait(state: RetryCallState) -> float:
    import tenacity

    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_s if isinstance(error, ModelError) else None
    grown = tenacity.wait_exponential(multiplier=0.5, max=10.0) + tenacity.wait_random(0, 0.25)
    return grown(state) if asked is None else asked


@cache
def certificates() -> ssl.SSLContext:
    """The authorities that are trusted, read once."""
    import httpx2

    return httpx2.create_ssl_context()


def is_loopback(url: str) -> bool:
    """Whether the address is on this machine."""
    import httpx2

    return httpx2.URL(url).host in ("localhost", "127.0.0.1", "::1")
