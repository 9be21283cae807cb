"""A conversation with an agent: each of its turns is a run of one session."""

from __future__ import annotations

import asyncio
from secrets import token_hex
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request
from starlette.types import ASGIApp

from agentkit.protocols import RunSummary
from agentkit.serve import runs as operations
from agentkit.serve.page import forms
from agentkit.serve.page.listing import MOST_READ
from agentkit.serve.page.parts import Parts
from agentkit.serve.page.site import Site, onward

SESSION = "page-"
"""How the names of sessions begin that were begun here."""

MOST_TURNS = 30


async def sessions(site: Site, request: Request) -> ASGIApp:
    """The conversations with an agent, and the beginning of another one."""
    agent = _agent(site, request)
    found: dict[str, RunSummary] = {}
    for one in await site.server.store.journal.runs(limit=MOST_READ):
        of, session = await site.about(one.run)
        if of == agent and session and session.startswith(SESSION) and not one.within:
            found[session] = one  # the newest come first: what stays is its first turn
    return site.page("chats", agent=agent, found=found)


async def show(site: Site, request: Request) -> ASGIApp:
    """A conversation, its newest turns."""
    agent, session = _agent(site, request), request.path_params["session"]
    runs = await _runs(site, agent, session)
    turns: list[Markup] = []
    for number, run in enumerate(runs):
        parts = Parts(site, run, "turn", f"t{number}-")
        parts.note(await site.server.store.journal.events(run))
        turns.append(Markup(await asyncio.to_thread(parts.whole, "turn")))
    return site.page("chat", agent=agent, session=session, turns=turns)


async def say(site: Site, request: Request) -> ASGIApp:
    """The next turn; of a new conversation where none is named."""
    agent = _agent(site, request)
    session = request.path_params.get("session") or f"{SESSION}{token_hex(6)}"
    given = await forms.read(request, site.server.bounds)
    await operations.begin(site.server, forms.start(given, agent, session))
    return onward(f"/page/chat/{quote(agent)}/{quote(session)}#last")


async def _runs(site: Site, agent: str, session: str) -> list[str]:
    """The runs of the session, the oldest first."""
    found: list[str] = []
    for one in await site.server.store.journal.runs(limit=MOST_READ):
        if not one.within and await site.about(one.run) == (agent, session):
            found.append(one.run)
            if len(found) == MOST_TURNS:
                break
    return found[::-1]


def _agent(site: Site, request: Request) -> str:
    name = str(request.path_params["agent"])
    site.server.agent(name, param="agent")
    return name
