"""The list of runs, and how one is started."""

from __future__ import annotations

from itertools import islice

from starlette.requests import Request
from starlette.types import ASGIApp

from agentkit.protocols import RunSummary
from agentkit.serve import runs as operations
from agentkit.serve.page import forms
from agentkit.serve.page.site import Site, onward, place
from agentkit.serve.run_words import STATUSES

A_PAGE = 40
MOST_READ = 1000
"""Runs that are looked into for their agent, at most."""


async def runs(site: Site, request: Request) -> ASGIApp:
    """Runs, the newest first: of a status, of an agent, with words in their task."""
    asked = {name: request.query_params.get(name, "") for name in ("status", "agent", "text")}
    after = request.query_params.get("after", "")
    found, more = await _found(site, asked, after)
    return site.page(
        "runs",
        lines=[(one, place(one.run), agent, session) for one, agent, session in found],
        live=site.server.live,
        asked=asked,
        after=after,
        more=found[-1][0].run if more else "",
        statuses=STATUSES,
    )


async def start(site: Site, request: Request) -> ASGIApp:
    """A run is begun."""
    given = await forms.read(request, site.server.bounds)
    body = forms.start(given, given.text("agent"))
    begun = await operations.begin(site.server, body)
    return onward(f"/page/runs/{place(begun)}")


async def _found(
    site: Site, asked: dict[str, str], after: str
) -> tuple[list[tuple[RunSummary, str, str | None]], bool]:
    """A page of runs, and whether there are more."""
    known = await operations.behind(site.server.store.journal, after)
    left = (one for one in known if _fits(one, asked))
    found: list[tuple[RunSummary, str, str | None]] = []
    for one in islice(left, MOST_READ):
        agent, session = await site.about(one.run)
        if asked["agent"] not in ("", agent):
            continue
        if len(found) == A_PAGE:
            return found, True
        found.append((one, agent, session))
    return found, False


def _fits(one: RunSummary, asked: dict[str, str]) -> bool:
    task = one.task.casefold()
    words = asked["text"].casefold().split()
    fits = asked["status"] in ("", one.status) and all(word in task for word in words)
    return fits and not one.within
