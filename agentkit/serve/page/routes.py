"""Where the page's parts are, behind the guard of the server's application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from agentkit.report.html import TEMPLATES
from agentkit.serve.page import chat, door, listing, one
from agentkit.serve.page.site import HERE, Site
from agentkit.serve.server import Server

_ASSETS = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "htmx.js": "text/javascript",
}
OPEN = frozenset(("/", "/enter", *(f"/page/assets/{name}" for name in _ASSETS)))
"""What needs no token: the door, and what it is painted with."""

Endpoint = Callable[[Site, Request], Awaitable[ASGIApp]]
_RUN = "/page/runs/{run}"
_CHAT = "/page/chat/{agent}"
_PATHS: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/", door.front),
    ("POST", "/enter", door.enter),
    ("POST", "/page/leave", door.leave),
    ("POST", "/page/runs", listing.start),
    ("GET", _RUN, one.show),
    ("GET", f"{_RUN}/live", one.live),
    ("GET", f"{_RUN}/whole", one.whole),
    ("POST", f"{_RUN}/decide", one.decide),
    ("POST", f"{_RUN}/cancel", one.cancel),
    ("POST", f"{_RUN}/resume", one.resume),
    ("GET", f"{_RUN}/fork", one.forking),
    ("POST", f"{_RUN}/fork", one.fork),
    ("GET", _CHAT, chat.sessions),
    ("POST", _CHAT, chat.say),
    ("GET", f"{_CHAT}/{{session:path}}", chat.show),
    ("POST", f"{_CHAT}/{{session:path}}", chat.say),
)


def routes(server: Server, token: str) -> list[Route]:
    """For `app(server, routes=…, open=OPEN)`. Raises `MissingExtra`."""
    site = Site(server, token)
    pages = [Route(path, site.shown(call), methods=[method]) for method, path, call in _PATHS]
    return [*pages, *(_asset(name, kind) for name, kind in _ASSETS.items())]


def _asset(name: str, kind: str) -> Route:
    text = (HERE / "assets" / name).read_text("utf-8")
    if name == "page.css":
        text = (TEMPLATES / "style.css").read_text("utf-8") + text

    async def asset(request: Request) -> Response:
        return Response(text, media_type=kind, headers={"Cache-Control": "no-cache"})

    return Route(f"/page/assets/{name}", asset)
