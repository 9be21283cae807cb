"""Agents as tools: each call is a run of its own, in the store of the run around it.

The run's id comes from the call's idempotency key, so that a call that was cut off, or has waited
for somebody, finds its run and goes on with it. What it asks people, models and budgets goes to the
run around; its journal is its own.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from agentkit.begin import Begun, begin, begin_again
from agentkit.budget import Budget, Cost, Spent, amounts
from agentkit.carry_on import Around, Equipment, carry_on
from agentkit.decisions import Approver, Decision, Question
from agentkit.engine.asked import InnerPaused
from agentkit.engine.context import CallContext
from agentkit.errors import BudgetReached, RunPaused, StoreError, ToolError, UsageError
from agentkit.events import Event
from agentkit.run import Run
from agentkit.spent import Ledger
from agentkit.tool import Context, Tool, tool
from agentkit.types import Effect, Json

if TYPE_CHECKING:
    from agentkit.agent import Agent

T = TypeVar("T")

_WORST_FIRST: tuple[Effect, ...] = ("once", "write", "read", "pure")


def agent_tool(
    agent: Agent[Any],
    tools: Mapping[str, Tool],
    *,
    name: str,
    description: str,
    inputs: Mapping[str, Any],
    approve: bool | Callable[[Mapping[str, Json]], bool] = False,
) -> Tool:
    """The tool that hands a task to an agent which has these tools.

    It takes the task and the named inputs, of these types, and gives the agent's answer. Its effect
    and its trust are those of the worst of the agent's tools. Raises `UsageError`.
    """
    if taken := sorted({"task", "context"} & inputs.keys()):
        raise UsageError(f"an agent's input cannot be named {taken[0]!r}; choose another name")
    effects = [each.effect for each in tools.values()]
    budget = agent.budget or Budget()
    made = tool(
        name=name,
        description=description or _description(agent, tools),
        effect=next(effect for effect in _WORST_FIRST if effect in ("pure", *effects)),
        trusted=all(each.trusted for each in tools.values()),
        approve=approve,
        cost=Cost(tokens=budget.tokens, usd=budget.usd, seconds=budget.seconds, calls=budget.calls),
    )(_typed(_alone(agent), inputs, agent.output or str))
    return replace(made, nested=Nested(agent, _schemas(made, inputs)))


def require_bounded(agent: Agent[Any], within: tuple[Agent[Any], ...] = ()) -> None:
    """Raises `UsageError` where an agent is its own tool, or agents are too deep in one another."""
    line = (*within, agent)
    names = " > ".join(one.name for one in line)
    if any(one is agent for one in within):
        raise UsageError(f"agent {agent.name!r} calls itself ({names}); take it out of its tools")
    for depth, one in enumerate(reversed(line), start=1):
        if depth > one.limits.agents:
            raise UsageError(
                f"expected at most {one.limits.agents} agents in one another below {one.name!r}, "
                f"itself included; found {names}; raise its Limits(agents=…) if that is meant"
            )
    for inner in _agents(agent):
        require_bounded(inner, line)


def _agents(agent: Agent[Any]) -> Iterator[Agent[Any]]:
    for each in agent.tools:
        if isinstance(each, Tool):
            if isinstance(each.nested, Nested):
                yield each.nested.agent
        elif isinstance(each, type(agent)):
            yield each


def tool_names(tools: Mapping[str, Tool], folder: Path) -> Iterator[str]:
    """Of these tools, and of those of the agents among them, whose calls they may make."""
    for name, each in tools.items():
        yield name
        if isinstance(each.nested, Nested):
            yield from tool_names(each.nested.agent.equipped(folder), folder)


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """Makes the function of an agent's tool, for the run around its calls.

    `inputs` are the schemas of the inputs by name.
    """

    agent: Agent[Any]
    inputs: Mapping[str, Json]

    def __call__(self, around: Around) -> Callable[..., Any]:
        """The function."""

        @cache
        def equipment() -> Equipment[Any]:
            return self.agent.equipment(around.store)

        async def call(context: CallContext, **_: Any) -> Any:
            bring = _within(equipment(), around, context)
            return await self._run(around, context, bring)

        return call

    async def _run(self, around: Around, context: CallContext, bring: Equipment[Any]) -> Any:
        """The answer of the call's run. Its failure is the call's, its pause too."""
        store, run, shares = around.store, context.inner_run, bring.around
        before = _fees(await store.journal.events(run))
        for share in shares:
            share.purse.book(share.node, amounts(before))
        end = await _end(await self._begun(bring, context))
        cost = _fees(await store.journal.events(run))
        if isinstance(end, RunPaused) and not _is_own(end, bring):
            for share in shares:  # the whole is told when the call ends
                share.purse.book(share.node, amounts(cost), -1)
            raise end if isinstance(end, BudgetReached) else _asked(end, context.node)
        context.cost = _told(cost)
        if isinstance(end, Exception):
            message = f"{end} (it was run {run}: {type(end).__name__})"
            raise ToolError(message) from end
        return end.output

    async def _begun(self, bring: Equipment[Any], context: CallContext) -> Begun[Any]:
        run, clock = context.inner_run, self.agent.clock
        if await bring.store.journal.events(run):
            return await begin_again(bring, run, clock)
        given = cast("dict[str, Json]", json.loads(context.arguments))
        task = str(given.pop("task"))
        inputs: dict[str, Json] = {
            name: {"schema": self.inputs[name], "value": value} for name, value in given.items()
        }
        within: Json = {"run": context.run, "node": context.node}
        return await begin(bring, run, clock, task, inputs, within=within)


async def _end(begun: Begun[Any]) -> Run[Any] | Exception:
    try:
        return await carry_on(*begun)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - a run's boundary: its failure is told
        return error


def _within(equipment: Equipment[Any], around: Around, context: CallContext) -> Equipment[Any]:
    """What the agent brings, as the run around lets it."""
    budget = equipment.budget
    return replace(
        equipment,
        model=around.model(context.node, equipment.model),
        approve=(*around.rules, *equipment.approve),
        approver=_relay(context.decisions, equipment.approver),
        budget=None if budget is None else replace(budget),  # told from an equal one around
        around=around.shares(context.node),
    )


def _relay(decisions: Mapping[str, Decision], own: Approver | None) -> Approver:
    """Who is asked: the agent's approver; what was decided in the run around counts before."""

    async def decided(questions: Sequence[Question]) -> Sequence[Decision]:
        known = [replace(decisions[q.key], node=q.node) for q in questions if q.key in decisions]
        return known if known or own is None else await own(questions)

    return decided


def _asked(pause: RunPaused, node: str) -> InnerPaused:
    return InnerPaused([replace(one, node=f"{node}/{one.node}") for one in pause.questions])


def _is_own(pause: RunPaused, bring: Equipment[Any]) -> bool:
    """Whether its own budget is used up: that is a failure, nobody around can raise it."""
    return isinstance(pause, BudgetReached) and pause.budget is bring.budget


def _fees(events: Sequence[Event]) -> Spent:
    """What a run's tools have cost; what its models did is in the journal around as well."""
    ledger = Ledger()
    for event in events:
        if not event.type.startswith("model."):
            ledger.note(event)
    return replace(ledger.spent(), seconds=0)


def _told(spent: Spent) -> Cost:
    usd: Decimal | None = None if "usd" in spent.unknown else spent.usd
    return Cost(usd=usd, tokens=spent.tokens, calls=spent.calls)


def _alone(agent: Agent[Any]) -> Callable[..., Any]:
    async def call(task: str, **inputs: Any) -> Any:
        """Outside of a run: a run of the agent's own."""
        return (await agent.run(task, inputs=inputs)).output

    return call


def _typed(function: Callable[..., T], inputs: Mapping[str, Any], output: Any) -> Callable[..., T]:
    """The function with the signature of an agent's tool."""
    hints = {"task": str, **inputs, "context": Context}
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, kind, annotation=hints[name]) for name in hints]
    function.__annotations__ = {**hints, "return": output}
    cast("Any", function).__signature__ = inspect.Signature(parameters, return_annotation=output)
    function.__doc__ = None
    return function


def _schemas(made: Tool, inputs: Mapping[str, Any]) -> dict[str, Json]:
    properties = cast("dict[str, dict[str, Json]]", made.input_schema["properties"])
    shared = {"$defs": made.input_schema["$defs"]} if "$defs" in made.input_schema else {}
    return {name: {**properties[name], **shared} for name in inputs}


def _description(agent: Agent[Any], tools: Mapping[str, Tool]) -> str:
    can = f"that can use {', '.join(tools)}" if tools else "that has no tools"
    said = f"\n\nIts instructions: {agent.instructions}" if agent.instructions else ""
    return f"Hands a task to the agent {agent.name}, {can}; gives its answer.{said}"
