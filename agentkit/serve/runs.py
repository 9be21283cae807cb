"""/runs: started, listed, followed, decided about, stopped, gone on with, forked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from agentkit import decide
from agentkit.agent import Agent
from agentkit.document import document
from agentkit.errors import UsageError
from agentkit.events import Event, event_to_json
from agentkit.protocols import Journal, RunSummary
from agentkit.recalled import recalled_from_json
from agentkit.serve import run_words as words
from agentkit.serve.client_tools import lacking
from agentkit.serve.conversation import Before
from agentkit.serve.files import of_url, stored
from agentkit.serve.operation import Call, Nothing
from agentkit.serve.refused import Refused
from agentkit.serve.reply import Reply
from agentkit.serve.server import Server
from agentkit.serve.stream import sent

MOST_LISTED = 10_000
BY = "serve"
"""Who decided, where it was decided here."""


async def start(call: Call[words.Start]) -> ASGIApp:
    """A new run, begun in the journal."""
    run = await begin(call.server, call.body)
    return await _begun(call.server, run, 201)


async def begin(server: Server, given: words.Start) -> str:
    """The id of a new run."""
    agent = server.agent(given.agent, param="agent")
    inputs: dict[str, object] = dict(given.values)
    for name, file in given.files.items():
        sent_file = of_url(file.data, file.name)
        inputs[name] = await asyncio.to_thread(stored, sent_file, server.store.artifacts)
    begun = agent.stream(given.task, inputs=inputs, session=given.session)
    return (await server.live.begin(begun)).run


async def listed(call: Call[Nothing, words.Which]) -> ASGIApp:
    """Runs, the newest first."""
    server, which = call.server, call.query
    found = (one for one in await behind(server.store.journal, which.after) if _fits(one, which))
    page = [*islice(found, which.limit + 1)]
    lines = [_line(server, one) for one in page[: which.limit]]
    more = lines[-1].run if len(page) > which.limit else None
    return Reply(words.Lines(runs=lines, next=more).model_dump())


async def behind(journal: Journal, after: str) -> Sequence[RunSummary]:
    """The runs behind this one, the newest first; all of them where it is none.

    It may have ended since it was listed, so it need not be of those that are asked for now.
    """
    known = await journal.runs(limit=MOST_LISTED)
    if not after:
        return known
    at = next((at for at, one in enumerate(known) if one.run == after), None)
    if at is None:
        what = f"there is no run {after!r}, so none behind it; without after all are listed"
        raise Refused(400, what, param="after", code="run_not_found")
    return known[at + 1 :]


def _fits(one: RunSummary, which: words.Which) -> bool:
    return (
        (which.calls or not one.within)
        and which.status in ("", one.status)
        and which.text.casefold() in one.task.casefold()
    )


def _line(server: Server, one: RunSummary) -> words.Line:
    return words.Line(**asdict(one), live=one.run in server.live)


async def shown(call: Call) -> ASGIApp:
    """A run as it stands."""
    server = call.server
    return Reply(_shown(server, await events_of(server, call.path["run"])))


async def events(call: Call[Nothing, words.Since]) -> ASGIApp:
    """The run's events as they come. Nothing further comes to who knows its end: 204."""
    server = call.server
    known = await events_of(server, call.path["run"])
    run, since = known[0].run, after(call.request, call.query)
    if known[-1].type == "run.ended" and since >= known[-1].seq:
        return Response(status_code=204)
    server.streams.require_room()
    return server.streams.of(_followed(server.store.journal, run, since))


async def _followed(journal: Journal, run: str, since: int) -> AsyncGenerator[str, None]:
    async with aclosing(journal.tail(run, after=since)) as events:
        async for event in events:
            yield sent(event_to_json(event), event=event.type, id=event.seq or None)


def after(request: Request, since: words.Since) -> int:
    """The number of the last event that the client knows. Raises `Refused`."""
    last = request.headers.get("last-event-id", "").strip()
    if not last:
        return since.after
    if not (last.isascii() and last.isdigit() and len(last) <= 15):
        raise Refused(400, "expected Last-Event-ID to be the number of an event")
    return int(last)


async def approve(call: Call[words.Approve]) -> ASGIApp:
    """A call that waits may be made."""
    given, journal = call.body, call.server.store.journal
    args = given.args or None
    return await _decided(
        call, lambda run: decide.approve(journal, run, given.node, args=args, by=BY)
    )


async def deny(call: Call[words.Deny]) -> ASGIApp:
    """A call that waits must not be made."""
    given, journal = call.body, call.server.store.journal
    return await _decided(
        call, lambda run: decide.deny(journal, run, given.node, reason=given.reason, by=BY)
    )


async def resolve(call: Call[words.Resolve]) -> ASGIApp:
    """A call in doubt took effect, or did not."""
    given, journal = call.body, call.server.store.journal
    return await _decided(
        call,
        lambda run: decide.resolve(
            journal, run, given.node, done=given.done, value=given.value, by=BY
        ),
    )


async def _decided(call: Call[Any, Any], record: Callable[[str], Awaitable[None]]) -> ASGIApp:
    server = call.server
    run = (await _at_rest(server, call.path["run"]))[0].run
    with server.live.held(run):
        try:
            await record(run)
        except UsageError as error:
            raise Refused(409, str(error), code="not_waiting") from None
    return Reply(_shown(server, await events_of(server, run)))


async def cancel(call: Call) -> ASGIApp:
    """The run stops, and can be resumed."""
    server = call.server
    run = (await events_of(server, call.path["run"]))[0].run
    if not await server.live.cancel(run):
        raise Refused(409, f"run {run} does not go on in this server", code="not_running")
    return Reply(_shown(server, await events_of(server, run)))


async def resume(call: Call) -> ASGIApp:
    """The run goes on here; nothing that ended is done again."""
    server = call.server
    known = await _at_rest(server, call.path["run"])
    run, agent = known[0].run, _agent_of(server, known)
    with server.live.held(run):
        await server.live.begin(agent.stream_resumed(run))
    return await _begun(server, run, 202)


async def fork(call: Call[words.Fork]) -> ASGIApp:
    """A new run that shares all with the old one but a node and what depends on it."""
    return await _begun(call.server, await begin_fork(call), 201)


async def begin_fork(call: Call[words.Fork]) -> str:
    """The id of such a run."""
    server, given = call.server, call.body
    known = await events_of(server, call.path["run"])
    forking = _agent_of(server, known).stream_forked(
        known[0].run, given.node, args=given.args, tool=given.tool
    )
    try:
        return (await server.live.begin(forking)).run
    except UsageError as error:
        raise Refused(409, str(error), code="no_such_fork") from None


async def events_of(server: Server, named: str) -> Sequence[Event]:
    """The events of the run that a path names, where `~` stands for the slash in the ids of calls.

    Raises `Refused` where there is none.
    """
    known = await server.store.journal.events(named.replace("~", "/"))
    if not known:
        raise Refused(404, f"there is no run {named!r}; /runs lists them", code="run_not_found")
    return known


async def _at_rest(server: Server, named: str) -> Sequence[Event]:
    """The same; one whose journal has its end does not go on here any more."""
    known = await events_of(server, named)
    if known[-1].type == "run.ended":
        await server.live.at_rest(known[0].run)
    return known


async def _begun(server: Server, run: str, status: int) -> Response:
    headers = {"Location": f"/runs/{run}"}
    known = await server.store.journal.events(run)
    return Reply(_shown(server, known), status, headers)


def _shown(server: Server, known: Sequence[Event]) -> dict[str, Any]:
    created: dict[str, Any] = dict(known[0].data)
    whole: dict[str, Any] = document(known)
    shown = words.Run(
        **whole,
        agent=created.get("agent") or "",
        session=created.get("session"),
        created=known[0].time,
        live=known[0].run in server.live,
        events=known[-1].seq,
    )
    return shown.model_dump()


def _agent_of(server: Server, known: Sequence[Event]) -> Agent[Any]:
    """The agent that goes on with a run, told what its client had said before.

    Raises `Refused` where it is not served here, or lacks tools that the run had.
    """
    created = known[0].data
    name = str(created.get("agent"))
    if name not in server.agents:
        raise Refused(409, f"the run's agent {name!r} is not served here", code="no_such_agent")
    agent = server.agents[name]
    if clients := lacking(known[0], agent):
        raise Refused(
            409,
            f"the run had tools that are not the agent's: {', '.join(clients)}; where they are its "
            "client's, it goes on with the client's next request",
            code="lacks_tools",
        )
    recalled = [e.data for e in known if e.type == "memory.recalled"]
    if created.get("session") is not None or not recalled:
        return agent
    before = Before(recalled_from_json(recalled[-1]).history)
    return replace(agent, memory=[*agent.memory, before])
