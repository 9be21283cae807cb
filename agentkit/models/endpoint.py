"""Where a model is served, and every way a call to it goes wrong as one `ModelError`."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import json
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from agentkit.errors import ModelError
from agentkit.types import Json

if TYPE_CHECKING:
    import httpx2

JsonObject = dict[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a model is served and how patient a call to it is.

    `timeout_s` bounds the silence between two pieces of an answer, not the whole answer.
    `attempts` calls are made at most, and only until the first piece has come; a server that asks
    for a longer wait than `most_wait_s` is not waited for. `headers` may hold a key: it is shown
    nowhere.
    """

    name: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    timeout_s: float = 120.0
    attempts: int = 3
    most_wait_s: float = 30.0
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep, repr=False)

    def with_headers(self, **headers: str) -> Endpoint:
        """The same endpoint with these headers added; `_` in a name stands for `-`."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **more})


@contextlib.contextmanager
def described(endpoint: Endpoint) -> Generator[None]:
    """What the transport raises, said in a sentence."""
    import httpx2

    at = f"{endpoint.name} at {_address(endpoint.base_url)}"
    try:
        yield
    except httpx2.SSEError as error:
        raise ModelError(
            f"expected an event stream from {at}, got {error}; is the base URL that of an API of "
            "this kind?"
        ) from error
    except httpx2.ConnectError as error:
        raise ModelError(
            f"cannot reach {at}: {_secretless(endpoint, str(error))}; is the server running, and "
            "the base URL right?",
            retryable=True,
        ) from error
    except httpx2.TimeoutException as error:
        raise ModelError(
            f"{at} said nothing for {endpoint.timeout_s:g} s; try again, or raise timeout_s",
            retryable=True,
        ) from error
    except httpx2.TransportError as error:
        raise ModelError(
            f"{at} dropped the connection before its answer was whole "
            f"({_secretless(endpoint, str(error)) or type(error).__name__}); try again",
            retryable=True,
        ) from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ModelError(
            f"the call to {at} failed: {_secretless(endpoint, str(error))}; check the base URL"
        ) from error


def refusal(endpoint: Endpoint, response: httpx2.Response) -> ModelError:
    """What a status of 400 or more means, and what to do."""
    status = response.status_code
    at = f"{endpoint.name} at {_address(endpoint.base_url)}"
    said = _secretless(endpoint, _message(response.text))
    if status in (401, 403):
        return ModelError(f"{at} refused the key ({status}: {said}); pass a valid api_key")
    if status == 404:
        return ModelError(
            f"{at} does not know the model or the path ({said}); check both the model's name and "
            "the base URL, which usually ends in /v1"
        )
    if status == 429 or status >= 500:
        wait_s = retry_after_s(response.headers.get("retry-after"))
        when = "later" if wait_s is None else f"in {wait_s:g} s"
        problem = "is over its limit" if status == 429 else "failed"
        return ModelError(
            f"{at} {problem} ({status}: {said}); try again {when}",
            retryable=True,
            retry_after_s=wait_s,
        )
    return ModelError(f"{at} refused the request ({status}: {said})")


def reported(endpoint: Endpoint, error: Json) -> ModelError:
    """An error that arrived inside a stream."""
    kind = str(error.get("type") or error.get("code")) if isinstance(error, dict) else ""
    code = error.get("code") if isinstance(error, dict) else None
    busy = "overloaded" in kind or "rate_limit" in kind
    failed = isinstance(code, int) and (code == 429 or code >= 500)
    said = _secretless(endpoint, _said(error))
    return ModelError(
        f"{endpoint.name} broke off its answer with an error: {said}", retryable=busy or failed
    )


def parsed_object(endpoint: Endpoint, text: str) -> JsonObject:
    """The JSON object that the text is; `ModelError` where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        value = error
    if isinstance(value, dict):
        return cast("JsonObject", value)
    raise ModelError(
        f"expected a JSON object from {endpoint.name}, got {_cut(_secretless(endpoint, text))!r}; "
        "is the base URL that of an API of this kind?"
    )


def _message(body: str) -> str:
    """What an error body says: the usual places in JSON, else its first words."""
    try:
        data = cast("Json", json.loads(body))
    except (ValueError, RecursionError):
        return _cut(" ".join(body.split())) or "no reason given"
    return _said(data.get("error", data) if isinstance(data, dict) else data)


def _said(error: Json) -> str:
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or error
    return _cut(error if isinstance(error, str) else json.dumps(error))


def _cut(text: str, most: int = 300) -> str:
    return text if len(text) <= most else text[:most] + "…"


def _secretless(endpoint: Endpoint, text: str) -> str:
    """The text without the values of the headers: a server may say the key it was sent."""
    for value in endpoint.headers.values():
        for secret in (value, value.removeprefix("Bearer ")):
            if len(secret) >= 8:
                text = text.replace(secret, "***")
    return text


def _address(url: str) -> str:
    """The URL without user and password."""
    scheme, _, rest = url.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def retry_after_s(header: str | None) -> float | None:
    """What a `Retry-After` header asks for, in seconds or as a date; None where it asks nothing."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, when.timestamp() - time.time())
