"""The body of a request, as large and as long in coming as is allowed, as what was expected."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from agentkit.given import read_json
from agentkit.serve.bounds import Bounds
from agentkit.serve.refused import Refused

Words = TypeVar("Words", bound=BaseModel)

_SHOWN = 5


async def read_body(request: Request, words: type[Words], bounds: Bounds) -> Words:
    """The JSON body as these words. Raises `Refused`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, f"expected Content-Type: application/json; got {kind or 'none'!r}")
    data = await read_bytes(request, bounds)
    try:
        found = words.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise misfit(error, "the body") from None
    try:
        read_json(data)  # pydantic lets NaN and 1e999 pass
    except ValueError as error:
        raise Refused(400, f"the body: {error}") from None
    return found


def read_query(request: Request, words: type[Words]) -> Words:
    """The query as these words. Raises `Refused`."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise Refused(400, f"expected {name} once in the query", param=name)
        given[name] = value
    return from_texts(given, words)


def from_texts(given: Mapping[str, str], words: type[Words]) -> Words:
    """Words of which each was given as text. Raises `Refused`."""
    try:
        return words.model_validate_strings(given, strict=True)
    except ValidationError as error:
        raise misfit(error, "the query") from None


async def read_bytes(request: Request, bounds: Bounds) -> bytes:
    """The body, of whatever kind. Raises `Refused`."""
    most = bounds.body_bytes
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > most:
        raise _too_large(most)
    kept = bytearray()
    try:
        async with asyncio.timeout(bounds.body_s):
            async for chunk in request.stream():
                kept += chunk
                if len(kept) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise Refused(408, f"the body took longer than {bounds.body_s:g} seconds") from None
    return bytes(kept)


def _too_large(most: int) -> Refused:
    return Refused(413, f"expected a body of at most {most} bytes", code="request_too_large")


def misfit(error: ValidationError, what: str) -> Refused:
    """The first few things that are wrong, without what came: it may be large, or secret."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    places = [".".join(str(step) for step in one["loc"]) for one in details]
    said = [
        f"{place}: {one['msg']}" if place else str(one["msg"])
        for place, one in zip(places, details, strict=True)
    ]
    more = f"; and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return Refused(400, f"{what}: {'; '.join(said[:_SHOWN])}{more}", param=places[0] or None)
