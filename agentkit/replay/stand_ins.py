"""What stands in a replay for everything outside: it gives what the journal says came from there.

The planner, the check, the scheduler and the synthesizer are the real ones. So are validation of
plans, approval rules, idempotency keys, retry policies and limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, cast

from agentkit import errors
from agentkit.decisions import Decision, Question, decision_from_json, question_from_json
from agentkit.engine.asked import InnerPaused
from agentkit.engine.process import ProcessDied, RemoteError
from agentkit.engine.timelimit import TimedOut
from agentkit.events import Event
from agentkit.messages import Delta, Done, Profile, Request, Text, ToolCall
from agentkit.outcome import Failure, outcome_from_json
from agentkit.plan.graph import Patch
from agentkit.plan.problem import Problem
from agentkit.protocols import Brief, Model, Planner, Recalled
from agentkit.recalled import recalled_from_json
from agentkit.replay.cursor import Cursor
from agentkit.state import caller, usage_from_json
from agentkit.tool import NOT_DONE, Context, Tool
from agentkit.types import Json

_SAID = " (its reconcile said: "
_SAID_ENDS = "); look for key "


def replayed_tool(tool: Tool[..., Any], cursor: Cursor) -> Tool[..., Any]:
    """The tool, but its calls come to what they came to, when they did; nothing is executed."""
    calls = _Calls(cursor)
    return replace(
        tool,
        function=calls.call,
        prepare=calls.prepare,
        finish=_as_it_is,
        runs="loop",
        timeout_s=None,
        batch=None,
        cache=False,
        concurrency=None,
        rate_per_s=None,
        resources={},
        retry=None if tool.retry is None else replace(tool.retry, first_s=0, most_s=0),
        reconcile=None if tool.reconcile is None else calls.reconcile,
        nested=None if tool.nested is None else calls.nested,
    )


@dataclass(frozen=True, slots=True)
class _Calls:
    cursor: Cursor

    def prepare(self, args: Mapping[str, Json], context: Context) -> dict[str, Any]:
        """Raises what was wrong with the arguments of a call that failed before it was made."""
        event = self.cursor.now
        if event is not None and (event.type, event.node) == ("node.ended", context.node):
            end = outcome_from_json(event.data)
            if end.failure is not None and not end.attempts:
                raise _raised(end.failure)
        return {"context": context}

    async def call(self, context: Any) -> Json:
        """What the call, or this attempt of it, came to."""
        await self.cursor.turn(context.node)
        event = self.cursor.now
        assert event is not None, "a turn comes with its event"
        if event.type == "node.asked":
            raise InnerPaused([*_asked_of(context.node, self.cursor.rest)])
        if event.type == "node.retried":
            kind, _, message = str(event.data["error"]).partition(": ")
            raise RemoteError(kind, message, retryable=True)
        end = outcome_from_json(event.data)
        context.cost = end.cost
        if end.failure is not None:
            raise _raised(end.failure)
        if not end.attempts:
            context.attempts = 0  # it came from the cache
        return end.value

    def nested(self, around: object) -> Callable[..., Any]:
        """A call that was a run of its own needs no run around it: it came to what it came to."""
        return self.call

    async def reconcile(self, key: str) -> object:
        """What was found out about a call that was begun before."""
        event = self.cursor.now
        if event is None or event.type == "node.started":
            return NOT_DONE
        end = outcome_from_json(event.data)
        if end.failure is not None:
            said = end.failure.message.partition(_SAID)[2]
            raise errors.ToolError(said.rpartition(_SAID_ENDS)[0])
        return end.value


def _asked_of(node: str, events: Sequence[Event]) -> Iterator[Question]:
    """What the run that this call is waits for, as it was recorded in one go."""
    for event in events:
        name = event.node or ""
        if event.type != "node.asked" or name == node or caller(name) != node:
            return
        yield question_from_json(name, event.data)


def _as_it_is(value: Any, context: Context) -> Json:
    """What is in the journal was validated before."""
    return cast("Json", value)


class _CancelledItself(asyncio.CancelledError):
    """A tool that raised this error itself; it looks like what was raised."""

    def __repr__(self) -> str:
        return str(self)


def _raised(failure: Failure) -> BaseException:
    """An error that makes the engine come to this failure."""
    for unheard in (TimedOut, ProcessDied):
        if failure.kind == unheard.__name__:
            return unheard(failure.message)
    if failure.kind == "CancelledError":
        return _CancelledItself(failure.message.partition(" cancelled itself: ")[2])
    return RemoteError(failure.kind, failure.message, retryable=failure.retryable)


@dataclass(frozen=True, slots=True)
class ReplayedModel:
    """Says what the journal says it said. Its name and profile are those of `inner`."""

    inner: Model
    cursor: Cursor

    @property
    def name(self) -> str:
        """The name of the model that is not asked."""
        return self.inner.name

    @property
    def profile(self) -> Profile:
        """What the model that is not asked can do."""
        return self.inner.profile

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """The recorded reply; its end, or its failure, comes when it came."""
        called = self.cursor.last
        assert called is not None, "that a model is called is recorded first"
        answer = self._answer(called)
        try:
            for delta in _deltas(self.cursor.rest if answer is None else answer):
                yield delta
            if answer is None or "left_after" in answer:
                await self.cursor.never()
                return
            await self.cursor.turn()
            if (error := answer.get("error")) is not None:
                raise _model_error(cast("dict[str, Any]", error))
            if (finish := answer["finish"]) is not None:
                yield Done(cast("Any", finish), usage_from_json(cast("Any", answer["usage"])))
        finally:
            await self.cursor.turn()

    def _answer(self, called: Event) -> Mapping[str, Json] | None:
        """None where the recorded run was killed before the reply had ended."""
        found = (
            event.data
            for event in self.cursor.rest
            if (event.type, event.node) == ("model.answered", called.node)
        )
        return next(found, None)


def _deltas(said: Mapping[str, Json] | Sequence[Event]) -> Sequence[Delta]:
    """What came before the end. Of a reply that was cut by a kill only what was read from it."""
    if not isinstance(said, Mapping):
        sources = [str(event.data["source"]) for event in said if event.type == "plan.patched"]
        # A statement has ended where another began.
        return [Text("\n".join((*sources, "_", "")))] if sources else []
    kept = cast("Mapping[str, Any]", said)
    calls = [ToolCall(**call) for call in kept.get("calls", ())]
    text = [Text(kept["text"])] if kept["text"] else []
    # Whoever had enough may have counted the pieces.
    more = kept.get("left_after", 0) - len(text) - len(calls)
    return [*text, *[Text("")] * more, *calls]


def _model_error(error: Mapping[str, Any]) -> Exception:
    kind, message = error["kind"], error["message"]
    if kind == "ModelError":
        return errors.ModelError(message, retryable=error["retryable"])
    return _named(kind, message)


def _named(kind: str, message: str) -> Exception:
    """An error whose class has this name: that is all that a journal tells of it."""
    return cast("Exception", type(kind, (Exception,), {})(message))


@dataclass(frozen=True, slots=True)
class PacedPlanner:
    """The planner itself; what it proposes counts when it counted in the recorded run."""

    inner: Planner
    cursor: Cursor

    async def propose(self, brief: Brief) -> AsyncGenerator[Patch | Problem, None]:
        """The proposals of the planner."""
        try:
            async with aclosing(self.inner.propose(brief)) as proposals:
                self.cursor.planning = True
                async for proposal in proposals:
                    self.cursor.planning = False
                    await self.cursor.turn()
                    yield proposal
                    self.cursor.planning = True
        finally:
            self.cursor.planning = False
            await self.cursor.turn()


@dataclass(frozen=True, slots=True)
class ReplayedMemory:
    """Recalls what was recalled, and keeps nothing."""

    cursor: Cursor

    async def recall(self, task: str, *, session: str | None) -> Recalled:
        """What all memories together gave: the first thing that a part records, if anything."""
        event = self.cursor.now
        if event is None or event.type != "memory.recalled":
            return Recalled()
        return recalled_from_json(event.data)

    async def store(self, task: str, *, session: str | None, plan: str, answer: str) -> None:
        """Nothing: the run was kept when it was no replay."""


@dataclass(frozen=True, slots=True)
class ReplayedApprover:
    """Decides what was decided."""

    cursor: Cursor

    async def __call__(self, questions: Sequence[Question]) -> Sequence[Decision]:
        """The decisions that came next; none where the run paused."""
        await self.cursor.turn()
        decided = takewhile(lambda event: event.type == "node.decided", self.cursor.rest)
        return [decision_from_json(event.node or "", event.data) for event in decided]
