"""`agentkit serve`: agents over HTTP."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

import click

from agentkit.cli.settings import TOKEN_VARIABLE, store_option
from agentkit.errors import MissingExtra, UsageError
from agentkit.text import inert

if TYPE_CHECKING:
    from agentkit.agent import Agent


@click.command("serve", short_help="Serve agents over HTTP.")
@click.argument("agents", metavar="FILE.py[:NAME]...", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any."
)
@click.option(
    "--token",
    envvar=TOKEN_VARIABLE,
    default="",
    help=f"What clients show; better in {TOKEN_VARIABLE}. Without it one is made and printed.",
)
@click.option(
    "--name", "names", metavar="HOST", multiple=True, help="A name clients reach it by; repeat."
)
@click.option(
    "--runs", type=click.IntRange(1), default=64, show_default=True, help="At once, at most."
)
@store_option
def command(
    agents: tuple[str, ...],
    host: str,
    port: int,
    token: str,
    names: tuple[str, ...],
    runs: int,
    store: str,
) -> int:
    """Serve agents, each as a model of an OpenAI-compatible API, and their runs.

    Without a NAME all agents of the file. Whoever has the token may do what the agents may; only
    this machine reaches the server unless another --host is given, which needs a token of yours.
    Ctrl-C or SIGTERM ends it: what still runs can be resumed.
    """
    from agentkit.cli.interrupt import interruptible

    _require_server()
    from agentkit.serve.guard import is_loopback

    if not token and not is_loopback(host):
        raise UsageError(
            f"{host} is reached from elsewhere: give a token, in {TOKEN_VARIABLE} or --token"
        )
    served = _loaded(agents, store)
    try:
        interruptible(_serve(served, host, port, token, names, runs, store))
    except asyncio.CancelledError:
        _say("stopped; runs that had not ended can be resumed")
    return 0


async def _serve(
    agents: dict[str, Agent[Any]],
    host: str,
    port: int,
    token: str,
    names: tuple[str, ...],
    runs: int,
    store: str,
) -> None:
    from agentkit.cli.stored import open_here
    from agentkit.cli.tracing import traced_here
    from agentkit.serve.app import app
    from agentkit.serve.bounds import Bounds
    from agentkit.serve.guard import names_of
    from agentkit.serve.page import OPEN, routes
    from agentkit.serve.server import serving
    from agentkit.serve.start import listening, serve_at

    opened = traced_here(open_here(store), os.environ)
    try:
        bounds = Bounds(runs=runs)
        async with serving(agents, opened, clock=time.time, bounds=bounds, say=_say) as server:
            with listening(host, port) as socket:
                used = token or token_urlsafe(32)
                application = app(
                    server,
                    token=used,
                    names=names_of(host, names),
                    routes=routes(server, used),
                    open=OPEN,
                )
                url = _url(host, socket.getsockname()[1])
                _say(f"serving {', '.join(agents)} at {url}")
                if not token:
                    _say(f"token: {used}")
                    _say(f"the page: {url}/?token={used}")
                await serve_at(socket, application, server)
    finally:
        await opened.close()


def _loaded(agents: tuple[str, ...], store: str) -> dict[str, Agent[Any]]:
    """The agents by their names in their files. Raises `UsageError` where two have one name."""
    from agentkit.cli.chosen import Chosen, build
    from agentkit.cli.load import agents_in

    found: dict[str, Agent[Any]] = {}
    for origin in (one for given in agents for one in agents_in(given)):
        name = origin.rpartition(":")[2]
        if name in found:
            raise UsageError(f"two agents are named {name}; give one of them another name")
        found[name] = build(Chosen(agent=origin, store=store), os.environ, asking=False)
    return found


def _require_server() -> None:
    """Raises `MissingExtra`."""
    try:
        import jinja2
        import python_multipart
        import starlette
        import uvicorn
    except ImportError as error:
        raise MissingExtra("agentkit serve", error.name or "starlette", "server") from None
    del jinja2, python_multipart, starlette, uvicorn


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _say(text: str) -> None:
    print(inert(text), file=sys.stderr, flush=True)
