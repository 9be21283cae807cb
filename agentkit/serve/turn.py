"""One turn of a conversation: a run, until it answers or waits for the client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import Any, cast

from starlette.types import Receive

from agentkit.agent import Agent
from agentkit.decide import answer
from agentkit.events import Event
from agentkit.fold import fold
from agentkit.messages import ToolCall, Usage
from agentkit.serve.client_tools import (
    ClientTool,
    answered_by,
    call_of,
    leaving,
    run_of,
    tools_of,
)
from agentkit.serve.conversation import Asked, Before
from agentkit.serve.refused import Refused
from agentkit.serve.server import Server
from agentkit.serve.stream import answered
from agentkit.state import RunState, usage_from_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The part of a run that comes after its event `after`; `names` are the client's names of its
    tools, by those in plans."""

    run: str
    after: int = 0
    names: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a turn ended: with a text, with calls for the client, or with what went wrong."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    wrong: Refused | None = None


async def begin_turn(
    server: Server, agent: Agent[Any], asked: Asked, client: Sequence[ClientTool]
) -> Turn:
    """A turn that goes on: the run that waits for these results, else a new one.

    Raises `Refused`, and `UsageError` where the agent cannot be asked so.
    """
    names = {one.planned: one.name for one in client}
    asking = _asking(agent, asked, client)
    waiting = await _waiting(server, agent, asked)
    if waiting is not None:
        with server.live.held(waiting.run):
            for node, value in answered_by(waiting.run, waiting.asked, asked.results).items():
                await answer(server.store.journal, waiting.run, node, value=value, by="client")
            known = await server.store.journal.events(waiting.run, after=waiting.seq)
            after = known[-1].seq
            await server.live.begin(asking.stream_resumed(waiting.run))
        return Turn(run=waiting.run, after=after, names=names)
    told = replace(asking, memory=[*agent.memory, Before((*asked.history, *asked.since))])
    first = await server.live.begin(told.stream(asked.task, inputs=asked.files))
    return Turn(run=first.run, names=names)


async def texts(server: Server, turn: Turn) -> AsyncGenerator[str, None]:
    """The answer, piece by piece, until the turn has ended."""
    sent = ""
    async with aclosing(server.store.journal.tail(turn.run, after=turn.after)) as events:
        async for event in events:
            piece = ""
            if event.type == "answer.text":
                piece = str(event.data["text"])
            elif event.type == "run.ended":
                whole = str(event.data.get("answer") or "")
                if whole.startswith(sent):
                    piece = whole[len(sent) :]  # who is far behind misses pieces
            if piece:
                sent += piece
                yield piece


async def whole(server: Server, turn: Turn, receive: Receive) -> Ended:
    """How the turn ended, once it has; it is cancelled where the client leaves."""

    async def until_ended() -> None:
        async for _ in texts(server, turn):
            pass

    try:
        await answered(receive, until_ended())
    finally:
        await leave(server, turn)
    ended = await end_of(server, turn)
    assert ended is not None, "a run that is left has ended"
    return ended


async def leave(server: Server, turn: Turn) -> None:
    """Nobody listens any more: the run is cancelled, unless the turn has ended."""
    if await end_of(server, turn) is None:
        await server.live.cancel(turn.run)


async def end_of(server: Server, turn: Turn) -> Ended | None:
    """How the turn ended; None where it goes on."""
    events = await server.store.journal.events(turn.run)
    at = next((n for n, e in enumerate(events) if e.seq > turn.after and _is_end(e)), None)
    if at is None:
        return None
    return _ended(turn, fold(events[: at + 1]), events[: at + 1])


def _is_end(event: Event) -> bool:
    return event.type == "run.ended"


def _ended(turn: Turn, state: RunState, events: Sequence[Event]) -> Ended:
    spent = [e for e in events if e.seq > turn.after and e.type == "model.answered"]
    usages = [usage_from_json(_mapping(event.data["usage"])) for event in spent]
    usage = reduce(add, usages, Usage())
    if state.status == "answered":
        return Ended(text=state.answer or "", usage=usage)
    if state.status == "paused" and state.asked:
        ours = [one for one in state.asked.values() if one.tool in turn.names]
        if ours:
            calls = tuple(call_of(turn.run, question, turn.names) for question in ours)
            return Ended(calls=calls, usage=usage)
        return Ended(text=f"{state.error} (run {turn.run})", usage=usage)
    return Ended(usage=usage, wrong=_wrong(turn.run, state, spent))


def _wrong(run: str, state: RunState, calls: Sequence[Event]) -> Refused:
    """What to tell of a run without an answer. Clients try again by themselves after 5xx: only
    where that may help."""
    said = f"run {run}: {state.error}"
    if state.status == "paused":
        return Refused(402, said, code="budget_reached")
    if state.status == "cancelled":
        return Refused(422, said, code="run_cancelled")
    failed = _mapping(calls[-1].data.get("error") if calls else None)
    if state.error_kind == "ModelError" and failed.get("retryable"):
        return Refused(503, said, code="model_unavailable", retry_after_s=5)
    return Refused(422, said, code="run_failed")


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _asking(agent: Agent[Any], asked: Asked, client: Sequence[ClientTool]) -> Agent[Any]:
    """The agent as this client asks it: with its tools, its instructions, what was said before."""
    said = [text for text in (agent.instructions, asked.instructions) if text]
    own: Any = agent.tools  # resolved when the server started: tools, nothing else
    return replace(
        agent,
        tools=tools_of(client, own),
        instructions="\n\n".join(said),
        approver=leaving(client, agent.approver),
        memory=[*agent.memory, Before(asked.history)],
    )


async def _waiting(server: Server, agent: Agent[Any], asked: Asked) -> RunState | None:
    """The paused run of this agent that waits for one of these results, once it is at rest here."""
    runs = {run_of(id) for id in asked.results}
    if len(runs) != 1 or not (run := runs.pop()):
        return None
    events = await server.store.journal.events(run)
    if not events or events[0].data.get("agent") != agent.name:
        return None
    if _is_end(events[-1]):
        await server.live.at_rest(run)
    state = fold(events)
    waits = state.status == "paused" and answered_by(run, state.asked, asked.results)
    return state if waits else None
