"""One call of a tool, from its arguments to its outcome."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from agentkit.decisions import Decision, Question, Rule, asked_because
from agentkit.engine.asked import InnerPaused
from agentkit.engine.context import CallContext, Record, canonical, idempotency_key
from agentkit.engine.door import finished, prepared
from agentkit.engine.item import Item
from agentkit.engine.limits import Limits
from agentkit.engine.place import Places
from agentkit.engine.process import ProcessDied, RemoteError
from agentkit.engine.purse import Purse
from agentkit.engine.reconcile import reconciled
from agentkit.engine.retry import retry, worth_retrying
from agentkit.engine.share import paid
from agentkit.engine.tasks import STOPS
from agentkit.engine.timelimit import TimedOut
from agentkit.errors import (
    BudgetReached,
    EvaluationError,
    RunError,
    RunPaused,
    StoreError,
    ToolError,
    said,
)
from agentkit.outcome import Failure, Outcome
from agentkit.plan.evaluate import evaluate
from agentkit.plan.graph import Call
from agentkit.tool import Tool
from agentkit.types import Json, Status

if TYPE_CHECKING:
    from agentkit.protocols import ArtifactStore, Model


UNHEARD = (TimedOut, ProcessDied, StoreError)
"""After these nobody knows what a call has done, will still do, or came to."""


class Cache(Protocol):
    """Where results of pure tools are kept; a `Journal` is one."""

    async def get(self, key: str) -> Json: ...

    def put(self, key: str, value: Json) -> None: ...


@dataclass(slots=True, kw_only=True)
class Caller:
    """Makes calls. What it holds is the same for all the calls of a run.

    `intents` are the keys of effects that were begun and not heard of again, by node; `effects`
    what `once` calls came to, by key: a node that runs anew must not repeat them. `rules` say which
    calls somebody must approve, `decisions` what was decided, by the key of the call as planned.
    """

    run: str
    task: str
    record: Record
    barrier: Callable[[], Awaitable[None]]
    progress: Record
    artifacts: ArtifactStore
    model: Callable[[str], Model] | None
    intents: dict[str, str]
    effects: dict[str, Outcome]
    limits: Limits
    cache: Cache | None
    places: Places
    rules: Sequence[Rule]
    decisions: Mapping[str, Decision]
    purse: Purse | None = None
    _seen: Counter[int] = field(default_factory=Counter[int])

    async def call(self, item: Item, node: Call, tool: Tool) -> Outcome | Sequence[Question]:
        """How the call ended, or what somebody has to decide before it is made, or goes on.

        Its failures are outcomes; `StoreError` is raised, and cancelling.
        """
        try:
            args = _arguments(item, node)
            allowed = self._allowed(item.id, tool, args)
            text = canonical(allowed) if isinstance(allowed, dict) else ""
        except STOPS:
            raise
        except BaseException as error:  # noqa: BLE001 - a rule's boundary, which is the user's
            return Outcome("failed", failure=_failure(error), attempts=0)
        if isinstance(allowed, Question):
            return [allowed]
        if isinstance(allowed, Outcome):
            return allowed
        try:
            return await self._call(item, tool, allowed, text)
        except InnerPaused as pause:
            return pause.questions

    def _allowed(
        self, node: str, tool: Tool, args: dict[str, Json]
    ) -> dict[str, Json] | Question | Outcome:
        """The arguments to call with, or the question whether to call at all, or how it ended
        without being made: it was denied, or whoever was asked has made it."""
        if not tool.approve and not self.rules:
            return args
        why = asked_because(tool, args, self.rules)
        if why is None:
            return args
        key = idempotency_key(self.run, node, canonical(args), tool=tool.name)
        decision = self.decisions.get(key)
        if decision is None:
            return Question(
                node=node, tool=tool.name, effect=tool.effect, args=args, key=key, why=why,
                accepts=tool.input_schema,
            )  # fmt: skip
        if decision.verdict == "deny":
            message = decision.reason or f"the call of {tool.name} was not approved"
            return Outcome("denied", failure=Failure("Denied", message), attempts=0)
        if decision.verdict == "done":
            return Outcome("value", decision.value, attempts=0)
        return args if decision.args is None else dict(decision.args)

    async def _call(self, item: Item, tool: Tool, args: dict[str, Json], text: str) -> Outcome:
        context = CallContext(
            self.run, self.task, item.id, self.artifacts, text, self.model, self.progress,
            tool.name, decisions=self.decisions,
        )  # fmt: skip
        refusal = await self._refusal(item, tool, context)
        if refusal is not None:
            return refusal
        if self.purse is None or not self.purse.around:
            return await self._made(item, tool, args, context)
        async with paid(self.purse.around, tool) as ends:
            ends.append(await self._made(item, tool, args, context))
        return ends[0]

    async def _made(
        self, item: Item, tool: Tool, args: dict[str, Json], context: CallContext
    ) -> Outcome:
        started: dict[str, Json] = {"tool": tool.name, "args": args}
        if tool.nested is not None:
            started["run"] = context.inner_run
        if tool.cost.usd is not None:
            started["most"] = {"usd": str(tool.cost.usd)}
        self.record("node.started", item.id, started)
        item.begun = True
        now = asyncio.get_running_loop().time
        began = now()
        try:
            value = await self._value(item, tool, args, context)
        except (RunPaused, StoreError):
            # The agent's model may not be asked now, the run that the call is waits for somebody,
            # or the store has failed: no fault of the tool's. The call is made when that is over.
            raise
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            failure = Failure("CancelledError", f"{tool.name} cancelled itself: {error!r}")
            return Outcome("failed", None, failure, now() - began, context.attempts, context.cost)
        except STOPS:
            raise
        except BaseException as error:  # noqa: BLE001 - the tool's boundary
            in_doubt = isinstance(error, UNHEARD) and tool.effect == "once"
            status: Status = "in_doubt" if in_doubt else "failed"
            took, attempts = now() - began, context.attempts
            return Outcome(status, None, _failure(error), took, attempts, context.cost)
        outcome = Outcome("value", value, None, now() - began, context.attempts, context.cost)
        if tool.effect == "once":
            self.effects[context.key] = outcome
        return outcome

    async def _refusal(self, item: Item, tool: Tool, context: CallContext) -> Outcome | None:
        """The outcome of a call that must not be made, or not again."""
        if tool.effect == "once":
            if (done := self.effects.get(context.key)) is not None:
                return replace(done, seconds=0.0, attempts=0, cost=None)
            if self.intents.get(item.id) == context.key and tool.nested is None:
                end = await reconciled(tool, context)
                if end is not None:
                    if end.ok:
                        self.effects[context.key] = end
                        self._answered(item, context.key)
                    return end
                await _turn(item)  # the one it started on went to reconciling
        if (
            item.element
            or item.begun
            or self._count(tool, context.arguments) <= self.limits.repeats
        ):
            return None  # an element is bounded by its list, and equal elements are no loop
        message = (
            f"{tool.name} was called {self.limits.repeats} times with these very arguments: use "
            "what it returned, or call it with others"
        )
        return Outcome("failed", failure=Failure("Repeated", message), attempts=0)

    def count_known(self, item: Item, node: Call, tool: Tool) -> None:
        """Count a call that was made before the run was resumed, for the bound on repeats."""
        if not item.element:
            with suppress(EvaluationError):
                self._count(tool, canonical(_arguments(item, node)))

    def _count(self, tool: Tool, text: str) -> int:
        call = hash((tool.name, text))
        self._seen[call] += 1
        return self._seen[call]

    async def _value(
        self, item: Item, tool: Tool, args: Mapping[str, Json], context: CallContext
    ) -> Json:
        kwargs = prepared(tool, args, context)
        if tool.effect in ("write", "once"):
            return await self._effect(item, tool, args, kwargs, context)
        if not tool.cache or self.cache is None:
            return await self._answer(item, tool, args, kwargs, context)
        key = _cache_key(tool, context.arguments)
        kept = await self.cache.get(key)
        if isinstance(kept, dict) and "value" in kept:
            return kept["value"]
        value = await self._answer(item, tool, args, kwargs, context)
        self.cache.put(key, {"value": value})
        return value

    async def _effect(
        self,
        item: Item,
        tool: Tool,
        args: Mapping[str, Json],
        kwargs: dict[str, Any],
        context: CallContext,
    ) -> Json:
        """Intent, durable; then the call. Its receipt goes with the outcome.

        A call that was not heard of again gets none.
        """
        key = context.key
        self.record("effect.intent", item.id, {"key": key})
        await self.barrier()
        self.intents[item.id] = key
        try:
            value = await self._answer(item, tool, args, kwargs, context)
        except (*UNHEARD, *STOPS, RunPaused):
            raise
        except BaseException:
            self._answered(item, key)
            raise
        self._answered(item, key)
        return value

    def _answered(self, item: Item, key: str) -> None:
        item.receipt = key
        self.intents.pop(item.id, None)

    async def _answer(
        self,
        item: Item,
        tool: Tool,
        args: Mapping[str, Json],
        kwargs: dict[str, Any],
        context: CallContext,
    ) -> Json:
        """What the call comes to. That a run which the tool began by itself has stopped is its
        failure: this run has nothing to decide there, and no store to mend."""
        try:
            return await self._attempts(item, tool, args, kwargs, context)
        except (RunPaused, StoreError) as error:
            if _is_about(error, self.run):
                raise
            message = f"{tool.name}: run {error.run_id}, which it began, has stopped: {error}"
            if isinstance(error, RunPaused):
                message += " (an agent that is itself given as a tool asks in this run)"
            raise ToolError(message) from error

    async def _attempts(
        self,
        item: Item,
        tool: Tool,
        args: Mapping[str, Json],
        kwargs: dict[str, Any],
        context: CallContext,
    ) -> Json:
        context.attempts = 1
        try:
            if tool.runs == "loop" and tool.timeout_s is None and tool.batch is None:
                return finished(tool, await tool.function(**kwargs), context)
            return await self.places.attempt(item, tool, args, kwargs, context)
        except Exception as error:
            if not worth_retrying(tool, error):
                raise
            first = error

        async def again() -> Json:
            await self.places.until_free(item, tool)
            await _turn(item)
            context.attempts += 1
            fresh = prepared(tool, args, context)
            return await self.places.attempt(item, tool, args, fresh, context)

        def waiting(attempt: int, error: BaseException, wait_s: float) -> None:
            data: dict[str, Json] = {
                "attempt": attempt,
                "error": f"{_kind(error)}: {said(error)}",
                "wait_s": wait_s,
            }
            self.record("node.retried", item.id, data)

        assert tool.retry is not None
        return await retry(
            again, first, tool.retry, key=context.key, again=partial(worth_retrying, tool),
            waiting=waiting,
        )  # fmt: skip


def _arguments(item: Item, node: Call) -> dict[str, Json]:
    return {name: evaluate(arg, item.scope) for name, arg in node.args.items()}


def _is_about(error: RunError, run: str) -> bool:
    """Whether it concerns this run, one that it is a call of, or one of its calls."""
    about = (error.owner if isinstance(error, BudgetReached) else None) or error.run_id
    return about is None or about.partition("/")[0] == run.partition("/")[0]


async def _turn(item: Item) -> None:
    """Wait until the tool's rate allows another attempt."""
    rate = item.lane.rate if item.lane is not None else None
    if rate is not None:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(rate.reserve(now) - now)


def _failure(error: BaseException) -> Failure:
    return Failure(_kind(error), said(error), retryable=getattr(error, "retryable", False) is True)


def _kind(error: BaseException) -> str:
    return error.kind if isinstance(error, RemoteError) else type(error).__name__


def _cache_key(tool: Tool, arguments: str) -> str:
    """Differs between tools of one name whose results have another shape, or another origin."""
    text = json.dumps([tool.name, tool.output_schema, arguments, tool.cache], sort_keys=True)
    return f"tool:{sha256(text.encode()).hexdigest()}"
