"""What all pages share: templates, headers, how an error is shown, addresses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from agentkit.errors import AgentkitError
from agentkit.fold import fold
from agentkit.media import Artifact
from agentkit.report import Pages
from agentkit.report.embed import FIRST_PAGE_BYTES, Embedding, playable
from agentkit.report.preview import Medium
from agentkit.serve.operation import Call, Nothing
from agentkit.serve.refused import Refused, of_error
from agentkit.serve.server import Server
from agentkit.sniff import is_text

HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""Of each page. A browser that may tell no referrer says `Origin: null` when it sends a form."""

Endpoint: TypeAlias = Callable[[Request], Awaitable[ASGIApp]]


@dataclass(frozen=True, slots=True)
class Linked:
    """Shows files of a run by their addresses in this server."""

    server: Server
    run: str

    def __call__(self, file: Artifact) -> Medium:
        """What a page shows of it."""
        found = playable(file.media_type)
        address = f"/runs/{place(self.run)}/artifacts/{quote(file.sha256, safe='')}"
        if found is not None and found[1] != "image/svg+xml":
            return Medium(kind=found[0], address=address)
        if found is None and is_text(file.media_type):
            return Embedding(self.server.store.artifacts, FIRST_PAGE_BYTES)(file)
        return Medium(kind="none", address=address, why=file.preview)


@dataclass(frozen=True, slots=True)
class Site:
    """The server with its templates, compiled once."""

    server: Server
    token: str
    pages: Pages = field(default_factory=lambda: Pages(_nothing, own=(HERE / "templates",)))
    abouts: dict[str, tuple[str, str | None]] = field(
        default_factory=dict[str, tuple[str, "str | None"]]
    )
    """By run, its agent and its session: what lists look for, and never changes."""

    def part(self, name: str, run: str = "", **data: Any) -> str:
        """What a template makes of the data; files are those of the run."""
        show = Linked(self.server, run) if run else _nothing
        return self.pages.part(name, show=show, run=place(run), **data)

    def page(self, name: str, *, status: int = 200, **data: Any) -> Response:
        """A whole page."""
        agents = [*self.server.agents]
        return HTMLResponse(self.part(name, agents=agents, **data), status, HEADERS)

    def shown(self, endpoint: Callable[[Site, Request], Awaitable[ASGIApp]]) -> Endpoint:
        """The endpoint, whose errors are pages too."""

        async def answered(request: Request) -> ASGIApp:
            try:
                return await endpoint(self, request)
            except Refused as refused:
                return self.refused(refused)
            except AgentkitError as error:
                return self.refused(of_error(error))

        return answered

    def refused(self, refused: Refused) -> Response:
        """The page that says what went wrong."""
        return self.page("refused", status=refused.status, said=str(refused))

    def call(self, request: Request, body: Any, **path: str) -> Call[Any, Any]:
        """A request of this page as one of an operation."""
        path = {**request.path_params, **path}
        return Call(server=self.server, request=request, path=path, body=body, query=Nothing())

    async def about(self, run: str) -> tuple[str, str | None]:
        """The run's agent and session."""
        if run not in self.abouts:
            if len(self.abouts) >= _MOST_ABOUTS:
                self.abouts.clear()
            known = await self.server.store.journal.events(run)
            begun = fold(known[:1]) if known else None
            self.abouts[run] = ("", None) if begun is None else (begun.agent, begun.session)
        return self.abouts[run]


_MOST_ABOUTS = 20_000


def place(run: str) -> str:
    """A run's id in a path.

    >>> place("r1/pay")
    'r1~pay'
    """
    return quote(run.replace("/", "~"), safe="~")


def onward(address: str) -> Response:
    """Sends the browser on, to look at what it changed."""
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def _nothing(file: Artifact) -> Medium:
    return Medium(kind="none", why=file.preview)
