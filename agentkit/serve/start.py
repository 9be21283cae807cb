"""Serves at an address until it is stopped."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

from starlette.types import ASGIApp

from agentkit.engine.tasks import Tasks
from agentkit.errors import UsageError
from agentkit.serve.server import Server, stop

KEPT_S = 75
"""A connection on which nothing happens is kept so long: longer than clients keep theirs, or they
would ask again on one that was just closed."""

STOPPING_S = 10
"""What has not ended so long after the server was stopped is cut off."""


def listening(host: str, port: int) -> socket.socket:
    """A socket at the address; port 0 is any that is free. Raises `UsageError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot listen at {host}, port {port}: {why}; choose another") from error


async def serve_at(socket: socket.socket, app: ASGIApp, server: Server) -> None:
    """Answers requests until this is cancelled: then runs are stopped, streams end, and responses
    that are being sent are sent to their end."""
    import uvicorn

    class Quiet(uvicorn.Server):
        """Leaves signals to the command line, which cancels."""

        @contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            yield

    config = uvicorn.Config(
        app,
        http="h11",  # the one whose headers have a bound
        h11_max_incomplete_event_size=2 * server.bounds.header_bytes,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEPT_S,
        timeout_graceful_shutdown=STOPPING_S,
    )
    listener = Quiet(config)
    answering = Tasks().spawn(listener.serve(sockets=[socket]))
    try:
        await asyncio.shield(answering)
    finally:
        await stop(server)
        listener.should_exit = True
        await answering
