"""A run: how it stands, what changes while somebody looks, and what can be done about it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import HTMLResponse, StreamingResponse
from starlette.types import ASGIApp

from agentkit.events import event_to_json
from agentkit.fold import fold
from agentkit.given import json_or_text
from agentkit.report.view import Step
from agentkit.serve import run_words as words
from agentkit.serve import runs as operations
from agentkit.serve.body import from_texts
from agentkit.serve.operation import Nothing
from agentkit.serve.page import forms
from agentkit.serve.page.batches import batches
from agentkit.serve.page.parts import Parts, message
from agentkit.serve.page.site import HEADERS, Site, onward, place
from agentkit.serve.refused import Refused
from agentkit.text import inert_json
from agentkit.types import Json

_AT = re.compile(r"t[0-9]{1,4}-")
_BACK = re.compile(r"/page/chat/[\w~/.%-]+")


async def show(site: Site, request: Request) -> ASGIApp:
    """The page of a run."""
    known = await operations.events_of(site.server, request.path_params["run"])
    parts = Parts(site, known[0].run)
    parts.note(known)
    return HTMLResponse(await asyncio.to_thread(parts.whole, "one"), headers=HEADERS)


async def live(site: Site, request: Request) -> ASGIApp:
    """What changes on that page, or in a turn of a chat, after the event that it knows."""
    server = site.server
    known = await operations.events_of(server, request.path_params["run"])
    at = request.query_params.get("at", "")
    if at and not _AT.fullmatch(at):
        raise Refused(400, "at: expected a place of the page")
    given = request.query_params.get("after", "0")
    after = operations.after(request, from_texts({"after": given}, words.Since))
    server.streams.require_room()
    parts = Parts(site, known[0].run, "turn" if at else "run", at)
    parts.note(event for event in known if event.seq <= after)
    await asyncio.to_thread(parts.changed)
    return server.streams.of(_changes(parts, after))


async def _changes(parts: Parts, after: int) -> AsyncGenerator[str, None]:
    events = parts.site.server.store.journal.tail(parts.run, after=after)
    async with aclosing(batches(events)) as coming:
        async for batch in coming:
            parts.note(batch)
            if batch[-1].type == "run.ended":
                await parts.site.server.live.at_rest(parts.run)
            if changed := await asyncio.to_thread(parts.changed):
                yield message(changed, parts.seq)
    yield f"id: {parts.seq}\nevent: end\ndata:\n\n"


async def decide(site: Site, request: Request) -> ASGIApp:
    """A call that waits may be made or must not, or one in doubt took effect or did not. The run
    goes on once nothing waits any more."""
    given = await forms.read(request, site.server.bounds)
    node = given.text("node")
    match given.text("verdict"):
        case "approve":
            args = await _edited(site, request, given, node)
            approve = forms.of(words.Approve, node=node, args=args)
            await operations.approve(site.call(request, approve))
        case "deny":
            deny = forms.of(words.Deny, node=node, reason=given.text("reason"))
            await operations.deny(site.call(request, deny))
        case "done" | "not_done" as verdict:
            typed = given.text("value")
            value = json_or_text(typed) if typed else None
            resolve = forms.of(words.Resolve, node=node, done=verdict == "done", value=value)
            await operations.resolve(site.call(request, resolve))
        case other:
            raise Refused(400, f"verdict: expected approve, deny, done or not_done; got {other!r}")
    known = await operations.events_of(site.server, request.path_params["run"])
    if not fold(known).asked:
        await operations.resume(site.call(request, Nothing()))
    return _back(request, given)


async def _edited(site: Site, request: Request, given: forms.Given, node: str) -> dict[str, Json]:
    """The arguments that are not as they were."""
    known = await operations.events_of(site.server, request.path_params["run"])
    asked = fold(known).asked.get(node)
    args = given.object("args")
    if asked is None:
        return args
    return {name: value for name, value in args.items() if asked.args.get(name, ...) != value}


async def cancel(site: Site, request: Request) -> ASGIApp:
    """The run stops."""
    given = await forms.read(request, site.server.bounds)
    await operations.cancel(site.call(request, Nothing()))
    return _back(request, given)


async def resume(site: Site, request: Request) -> ASGIApp:
    """The run goes on."""
    given = await forms.read(request, site.server.bounds)
    await operations.resume(site.call(request, Nothing()))
    return _back(request, given)


async def forking(site: Site, request: Request) -> ASGIApp:
    """The arguments of a step, to edit."""
    parts, step = await _step(site, request, request.query_params.get("node", ""))
    page = parts.whole("fork", step=step, args=_arguments(step))
    return HTMLResponse(page, headers=HEADERS)


async def fork(site: Site, request: Request) -> ASGIApp:
    """A run that shares all with this one but a step and what depends on it."""
    given = await forms.read(request, site.server.bounds)
    _, step = await _step(site, request, given.text("node"))
    was = _arguments(step)
    args = {k: v for k, v in given.object("args").items() if was.get(k, ...) != v}
    body = forms.of(words.Fork, node=step.name, args=args)
    return onward(f"/page/runs/{place(await operations.begin_fork(site.call(request, body)))}")


async def whole(site: Site, request: Request) -> ASGIApp:
    """The events of the run, or of a step, as lines of JSON: all that the page shows a part of."""
    node = request.query_params.get("node", "")
    events = await operations.events_of(site.server, request.path_params["run"])
    if node:
        events = (await _step(site, request, node))[1].events
    name = re.sub(r"[^\w.-]+", "-", f"{events[0].run} {node}".strip(), flags=re.ASCII)
    headers = {"Content-Disposition": f'attachment; filename="{name}.jsonl"', **HEADERS}
    lines = (f"{inert_json(event_to_json(event))}\n" for event in events)
    return StreamingResponse(lines, media_type="application/jsonl", headers=headers)


async def _step(site: Site, request: Request, node: str) -> tuple[Parts, Step]:
    known = await operations.events_of(site.server, request.path_params["run"])
    parts = Parts(site, known[0].run)
    parts.note(known)
    try:
        return parts, parts.told.step(node)
    except KeyError:
        raise Refused(404, f"the run has no step {node!r}") from None


def _arguments(step: Step) -> dict[str, Json]:
    return {one.name: one.value for one in step.arguments if one.resolved}


def _back(request: Request, given: forms.Given) -> ASGIApp:
    """To where the form was: a chat, or the run's page."""
    back = given.text("back")
    run = request.path_params["run"]
    return onward(back if _BACK.fullmatch(back) else f"/page/runs/{place(run)}")
