"""The ways to an MCP server: a process of its own, an address, or an object of this process."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from string import Template
from typing import TYPE_CHECKING, Any

from agentkit.errors import UsageError
from agentkit.tools.optional import imported

if TYPE_CHECKING:
    from mcp import Client

MOST_EVENT_BYTES = 64 * 1024 * 1024
"""Of one message over HTTP: a picture is larger than the SDK's own bound."""

CONNECT_S = 30.0
SAID_BYTES = 2000


def opener(
    server: Any, *, env: Mapping[str, str], headers: Mapping[str, str], cwd: str | None
) -> Callable[[Callable[[], None]], AbstractAsyncContextManager[Client]]:
    """What opens a connection to the server, given what to call at its end.

    `env` and `headers` are filled in from the environment at each opening. Raises `UsageError`
    where they, or a command, cannot be right.
    """
    imported("mcp", feature="an MCP server", package="mcp", extra="mcp")
    if not isinstance(server, str):
        return lambda ended: _client(server)
    if is_url(server):
        return lambda ended: _client(_watched(_address(server, filled(headers)), ended))
    try:
        words = shlex.split(server)
    except ValueError as error:
        raise UsageError(f"expected the command of an MCP server; {server!r}: {error}") from None
    if not words:
        raise UsageError("expected the command or the URL of an MCP server; got an empty text")
    return lambda ended: _started(words, filled(env), cwd, ended)


def is_url(server: str) -> bool:
    """Whether it is an address rather than a command."""
    return server.startswith(("http://", "https://"))


def filled(values: Mapping[str, str]) -> dict[str, str]:
    """The values with `$NAME` replaced by the environment variable. Raises `UsageError`."""
    try:
        return {name: Template(text).substitute(os.environ) for name, text in values.items()}
    except KeyError as error:
        raise UsageError(
            f"expected the environment variable {error.args[0]}, which an MCP server is to be "
            "given; set it"
        ) from None
    except ValueError as error:
        raise UsageError(f"expected $NAME of a variable, or $$ for a dollar; {error}") from None


@asynccontextmanager
async def _client(server: Any) -> AsyncGenerator[Client]:
    from mcp import Client
    from mcp_types import Implementation

    us = Implementation(name="agentkit", version=version("agentkit"))
    async with Client(server, client_info=us) as client:
        session: Any = client.session
        session.validate_tool_result = _not_validated
        yield client


async def _not_validated(name: str, result: Any) -> None:
    """Results are validated as those of any tool. The SDK would do it by the server's own schema,
    whose regular expressions could hold this process for ever."""


@asynccontextmanager
async def _started(
    words: list[str], env: dict[str, str], cwd: str | None, ended: Callable[[], None]
) -> AsyncGenerator[Client]:
    from mcp import MCPError, StdioServerParameters

    parameters = StdioServerParameters(command=words[0], args=words[1:], env=env, cwd=cwd)
    tail = Tail()
    opened = False
    try:
        async with _client(_watched(_process(parameters, tail), ended)) as client:
            opened = True
            yield client
    except FileNotFoundError as error:
        raise UsageError(f"there is no command {error.filename!r} here: install it") from None
    except (MCPError, ExceptionGroup) as error:
        if opened:
            raise
        raise ConnectionError(f"it could not be started{tail}") from error


@asynccontextmanager
async def _process(parameters: Any, tail: Tail) -> AsyncGenerator[Any]:
    """The streams of a server's process. What it writes to standard error goes to the tail."""
    from mcp import stdio_client

    reader, writer = os.pipe()
    source = os.fdopen(reader, "rb", 0)
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: tail, source)
    try:
        with os.fdopen(writer, "w") as said:
            async with stdio_client(parameters, errlog=said) as streams:
                said.close()  # the server has its own: with the last of them the tail ends
                yield streams
    finally:
        pipe.close()


@asynccontextmanager
async def _address(url: str, headers: dict[str, str]) -> AsyncGenerator[Any]:
    """The streams of a server at an address. How long a call may take is its caller's affair."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
    timeout = httpx2.Timeout(CONNECT_S, read=None, pool=None)
    async with (
        httpx2.AsyncClient(headers=headers, timeout=timeout, limits=limits) as http,
        streamable_http_client(
            url, http_client=http, max_sse_event_size=MOST_EVENT_BYTES
        ) as streams,
    ):
        yield streams


@asynccontextmanager
async def _watched(
    transport: AbstractAsyncContextManager[Any], ended: Callable[[], None]
) -> AsyncGenerator[Any]:
    """The same transport, that tells when the server has ended it."""
    async with transport as (read, write):
        yield _Watched(read, ended), write


class _Watched:
    """A stream of messages that tells of its end."""

    def __init__(self, stream: Any, ended: Callable[[], None]) -> None:
        self._stream, self._ended = stream, ended

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __aiter__(self) -> _Watched:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._stream.__anext__()
        except BaseException:
            self._ended()
            raise

    async def __aenter__(self) -> _Watched:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        return await self._stream.__aexit__(*error)


class Tail(asyncio.Protocol):
    """The last that a server has written to its standard error; as a text, what to add to an
    error."""

    def __init__(self) -> None:
        self._kept = b""

    def data_received(self, data: bytes) -> None:
        self._kept = (self._kept + data)[-SAID_BYTES:]

    def __str__(self) -> str:
        lines = self._kept.decode("utf-8", "replace").split("\n")
        last = [line.strip() for line in lines if line.strip()][-3:]
        return f"; it wrote: {' / '.join(last)}" if last else ""
