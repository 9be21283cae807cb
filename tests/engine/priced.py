"""Random plans of calls that cost something: maps, guards, retries; and runs of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from hypothesis import strategies as st
from pydantic import Field

from agentkit import Budget, Context, Cost, Retry, ToolError, tool
from agentkit.artifacts import FolderArtifacts
from agentkit.engine.purse import Purse
from agentkit.engine.scheduler import Scheduler
from agentkit.errors import BudgetReached
from agentkit.events import Event, EventType
from agentkit.fold import fold
from agentkit.outcome import Outcome
from agentkit.plan.expression import expression
from agentkit.plan.graph import Arg, Call, Const, Guard, Map, Node, Patch, Plan, Ref, When
from agentkit.plan.jsonform import patch_to_json
from agentkit.state import RunState
from agentkit.testing.virtual_time import VirtualTimeLoop
from agentkit.tool import Tool
from agentkit.types import Json

CENTS = (0, 1, 7, 20)
MOST_ITEMS = 4
MOST_S = 3.0
FREE_TOKENS = Decimal(0)


@dataclass
class Till:
    """What the calls really cost, from the moment they begin: nobody may owe more than is there."""

    usd: Decimal = Decimal(0)
    tokens: int = 0
    calls: int = 0
    made: list[str] = field(default_factory=list[str])

    def take(self, context: Context, usd: Decimal, tokens: int) -> None:
        self.usd += usd
        self.tokens += tokens
        self.calls += 1
        self.made.append(context.node)


def tools(till: Till) -> dict[str, Tool]:
    """`pay7` costs so many cents at most, `flaky` fails at first, `items` gives a list."""
    found = [_pay(till, cents) for cents in CENTS]

    @tool(
        effect="read", cost=Cost(usd=Decimal("0.05"), tokens=0), timeout_s=MOST_S,
        retry=Retry(attempts=2, first_s=0.1, most_s=1.0),
    )  # fmt: skip
    async def flaky(after: list[Any], context: Context) -> int:
        """Fails at first."""
        till.take(context, Decimal("0.05"), 0)
        if till.made.count(context.node) % 2:
            raise ToolError("try again", retryable=True)
        return 3

    @tool(effect="read", cost=Cost(usd=Decimal(0), seconds=0.0))
    async def items(count: int) -> Annotated[list[int], Field(max_length=MOST_ITEMS)]:
        """A list of this many."""
        till.calls += 1
        return list(range(count))

    return {each.name: each for each in (*found, flaky, items)}


def _pay(till: Till, cents: int) -> Tool:
    most = Decimal(cents) / 100

    @tool(name=f"pay{cents}", effect="read", cost=Cost(usd=most, tokens=100, seconds=MOST_S))
    async def pay(share: int, seconds: float, after: list[Any], context: Context) -> int:
        """Costs this share of what it may cost."""
        till.take(context, most * share / 100, share)
        await asyncio.sleep(seconds)
        context.spend(usd=most * share / 100)
        context.spend(tokens=share)
        return share

    return pay


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Calls, maps of known and unknown length, guards with two sides, in any nesting."""
    nodes: dict[str, Node] = {}
    for number in range(draw(st.integers(1, 9))):
        name = f"n{number}"
        guards = [each for each, node in nodes.items() if isinstance(node, Guard)]
        when = None
        if guards and draw(st.booleans()):
            when = When(draw(st.sampled_from(guards)), draw(st.booleans()))
        kind = draw(st.sampled_from(["call", "call", "call", "items", "map", "guard"]))
        if kind == "call":
            nodes[name] = draw(_calls(name, [*nodes], when))
        elif kind == "items":
            count = Const(draw(st.integers(0, MOST_ITEMS)))
            nodes[name] = Call(id=name, tool="items", args={"count": count}, when=when)
        elif kind == "map":
            nodes[name] = draw(_maps(name, nodes, when))
        else:
            before = [each for each, node in nodes.items() if isinstance(node, Call)]
            test: Arg = Const(draw(st.booleans()))
            if before and draw(st.booleans()):
                test = expression(f"{draw(st.sampled_from(before))} != 0")
            nodes[name] = Guard(id=name, test=test, when=when)
    return Plan(nodes=nodes)


@st.composite
def _calls(draw: st.DrawFn, name: str, before: list[str], when: When | None) -> Call:
    which = draw(st.sampled_from([*(f"pay{cents}" for cents in CENTS), "flaky"]))
    needed = draw(st.lists(st.sampled_from(before), max_size=2)) if before else []
    args: dict[str, Arg] = {"after": expression(f"[{', '.join(needed)}]")}
    if which != "flaky":
        args["share"] = Const(draw(st.integers(0, 100)))
        args["seconds"] = Const(draw(st.sampled_from([0.0, 1.0, MOST_S])))
    return Call(id=name, tool=which, args=args, when=when)


@st.composite
def _maps(draw: st.DrawFn, name: str, nodes: Mapping[str, Node], when: When | None) -> Map:
    lists = [
        each
        for each, node in nodes.items()
        if isinstance(node, Map) or (isinstance(node, Call) and node.tool == "items")
    ]
    ones: list[Json] = [1] * draw(st.integers(0, MOST_ITEMS))
    over: Arg = Const(ones)
    if lists and draw(st.booleans()):
        over = Ref(draw(st.sampled_from(lists)))
    body = draw(_calls("pay_1", [], None))
    return Map(id=name, over=over, var="each", body=(body,), value=Ref("pay_1"), when=when)


@dataclass
class Played:
    """A run's events so far, and what came of its nodes. It can be played on."""

    plan: Plan
    till: Till = field(default_factory=Till)
    events: list[Event] = field(default_factory=list[Event])
    seconds: float = 0.0
    error: BudgetReached | None = None

    @property
    def state(self) -> RunState:
        return fold(self.events)

    def record(self, kind: EventType, node: str | None, data: Mapping[str, Json]) -> None:
        now = asyncio.get_running_loop().time()
        self.events.append(Event("run", len(self.events) + 1, now, kind, node, data))

    def play(self, budget: Budget | None) -> Mapping[str, Outcome]:
        """Run it, or go on with it, in virtual time."""
        self.error = None
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(self._play(budget))

    async def _play(self, budget: Budget | None) -> Mapping[str, Outcome]:
        if not self.events:
            self.record("run.created", None, {"task": "pay"})
            patch = Patch(add=tuple(self.plan.nodes.values()))
            self.record("plan.patched", None, {"turn": 0, "patch": patch_to_json(patch)})
        else:
            self.record("run.resumed", None, {})
        state = self.state
        purse = None
        if budget is not None:
            purse = Purse(budget, state.spent, usd_per_token=FREE_TOKENS)
        began = asyncio.get_running_loop().time()
        async with Scheduler(
            tools=tools(self.till),
            record=self.record,
            artifacts=FolderArtifacts(Path("unused")),
            state=state,
            purse=purse,
        ) as scheduler:
            scheduler.add(self.plan.nodes.values())
            try:
                await scheduler.settled()
            except BudgetReached as error:
                self.error = error
        self.seconds += asyncio.get_running_loop().time() - began
        self.record("run.ended", None, {"status": "paused" if self.error else "answered"})
        return scheduler.outcomes


def calls_of(events: Sequence[Event]) -> list[str | None]:
    """The nodes whose calls came to a value, once each."""
    return [
        event.node
        for event in events
        if event.type == "node.ended" and event.data["status"] == "value"
    ]
