"""The application: operations behind the guard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentkit.errors import AgentkitError
from agentkit.serve import chat, models, responses, run_operations, upkeep
from agentkit.serve.guard import OPEN, Guard, Names
from agentkit.serve.openapi import document, operation_of
from agentkit.serve.operation import Operation, routes_of
from agentkit.serve.refused import (
    Refused,
    on_agentkit_error,
    on_http_error,
    on_refused,
    on_surprise,
)
from agentkit.serve.server import Server


def operations() -> Sequence[Operation]:
    """All that the server can do, but telling so."""
    return (
        *models.OPERATIONS,
        *chat.OPERATIONS,
        *responses.OPERATIONS,
        *run_operations.OPERATIONS,
        *upkeep.OPERATIONS,
    )


def app(
    server: Server,
    *,
    token: str,
    names: Names,
    routes: Iterable[BaseRoute] = (),
    open: Iterable[str] = (),
) -> ASGIApp:
    """The ASGI application. `routes` are further ones behind the same guard, such as a page's;
    `open` are paths that need no token, beside `/health`."""
    known = operations()
    known = (*known, operation_of(document(known, [*server.agents])))
    inner = Starlette(
        routes=[*routes_of(known, server), *routes],
        exception_handlers={
            Refused: on_refused,
            AgentkitError: on_agentkit_error,
            HTTPException: on_http_error,
            Exception: on_surprise,
        },
    )
    inner.state.server = server
    guard = Guard(
        app=inner,
        token=token,
        names=names,
        header_bytes=server.bounds.header_bytes,
        open=OPEN.union(open),
    )
    return _sealed(guard, server)


_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
"""On every response that does not say otherwise: a browser takes it for what it says, and shows it
to no other site."""


def _sealed(inner: ASGIApp, server: Server) -> ASGIApp:
    """Marks responses, and counts them by their status."""

    async def sealed(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [*message.get("headers", ())]
                names = {name for name, _ in own}
                further = [header for header in _ALWAYS if header[0] not in names]
                message = {**message, "headers": [*own, *further]}
                server.counts.responses[str(message["status"])] += 1
            await send(message)

        await inner(scope, receive, sending)

    return sealed
