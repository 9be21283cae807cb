"""A change of the plan while it runs: what is finished stays, what nothing needs any more stops,
and an effect stays on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit import Agent, Patch, Plan, UsageError, tool
from agentkit.cli.progress import Progress
from agentkit.cli.progress import fold as shown
from agentkit.decide import resolve
from agentkit.document import document
from agentkit.fold import fold
from agentkit.plan.graph import Answer, Call, Const, Map, Node, Observe, Ref, apply, needs
from agentkit.plan.problem import Problem
from agentkit.plan.reach import cut_off
from agentkit.protocols import Brief
from agentkit.store import Store
from agentkit.testing import ScriptedModel

pytestmark = pytest.mark.anyio


@dataclass
class Turns:
    """A planner that proposes these patches, a list of them in each turn. Before a turn it waits
    for `gates` of that turn."""

    turns: Sequence[Sequence[Patch]]
    gates: dict[int, asyncio.Event] = field(default_factory=dict[int, asyncio.Event])

    async def propose(self, brief: Brief) -> AsyncGenerator[Patch | Problem, None]:
        if brief.turn in self.gates:
            await self.gates[brief.turn].wait()
        for patch in self.turns[brief.turn] if brief.turn < len(self.turns) else ():
            yield patch


class World:
    """Tools that tell what they did; `stuck` waits until it is cancelled, or `go` is set."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.begun, self.go = asyncio.Event(), asyncio.Event()

        @tool(effect="read")
        async def look(word: str) -> str:
            """Look a word up."""
            self.did.append(f"look {word}")
            return word

        @tool(effect="read")
        async def stuck(word: str) -> str:
            """Takes long."""
            self.begun.set()
            await self.go.wait()
            self.did.append(f"stuck {word}")
            return word

        @tool(effect="once")
        async def send(to: str) -> str:
            """Send a letter."""
            self.did.append(f"send {to}")
            return f"sent to {to}"

        @tool(effect="once")
        async def slow_send(to: str) -> str:
            """Takes long to send a letter."""
            self.begun.set()
            await self.go.wait()
            self.did.append(f"send {to}")
            return f"sent to {to}"

        self.tools = [look, stuck, send, slow_send]

    def agent(self, store: Store | str, *turns: Sequence[Patch], **gates: asyncio.Event) -> Any:
        planner = Turns(turns, {int(name[1:]): gate for name, gate in gates.items()})
        model = ScriptedModel(replies=lambda _: "done")
        return Agent(model=model, tools=self.tools, planner=planner, store=store)


def call(id: str, tool: str, word: str | Ref) -> Call:
    name = "to" if "send" in tool else "word"
    return Call(id=id, tool=tool, args={name: word if isinstance(word, Ref) else Const(word)})


def answer(*names: str) -> Answer:
    return Answer(using=tuple(Ref(name) for name in names))


def add(*nodes: Node) -> Patch:
    return Patch(add=nodes)


async def statuses(store: Store, run: str) -> dict[str, str]:
    state = fold(await store.journal.events(run))
    return {name: end.status for name, end in state.outcomes.items()}


async def test_what_a_patch_cuts_off_is_cancelled_and_the_rest_is_kept(store: Store) -> None:
    world = World()
    first = add(
        call("a", "look", "a"),
        call("long", "stuck", "x"),
        call("later", "look", Ref("long")),
        call("b", "look", Ref("later")),
        call("aside", "look", Ref("a")),
        Observe(id="o", using=(Ref("a"),)),
    )
    second = Patch(replace=(call("b", "look", Ref("a")),), answer=answer("a", "b"))
    run = await world.agent(store, [first], [second]).run("Look.")
    assert run.answer == "done"
    assert await statuses(store, run.id) == {
        "a": "value", "aside": "value", "o": "value", "b": "value",
        "long": "cancelled", "later": "cancelled",
    }  # fmt: skip
    assert sorted(world.did) == ["look a", "look a", "look a"]
    failure = run.outcomes["long"].failure
    assert failure is not None and failure.kind == "CutOff"


async def test_a_map_that_is_cut_off_stops_with_its_elements(store: Store) -> None:
    world = World()
    body = (call("one", "stuck", Ref("w")),)
    many = Map(id="m", over=Const(["p", "q"]), var="w", body=body, value=Ref("one"))
    using = Call(id="b", tool="look", args={"word": Ref("m", (0,))})
    second = Patch(replace=(call("b", "look", "z"),), answer=answer("b"))
    turns = [add(many, using, Observe(id="o", using=()))], [second]
    run = await world.agent(store, *turns, t1=world.begun).run("Look.")
    assert await statuses(store, run.id) == {
        "o": "value", "b": "value", "m": "cancelled", "m[0].one": "cancelled",
        "m[1].one": "cancelled", "m[0]": "cancelled", "m[1]": "cancelled",
    }  # fmt: skip
    assert world.did == ["look z"]


async def test_a_resumed_run_does_not_start_what_was_cut_off(store: Store) -> None:
    world = World()
    first = add(
        call("long", "stuck", "x"), call("b", "look", Ref("long")),
        call("c", "stuck", "y"), Observe(id="o", using=()),
    )  # fmt: skip
    second = Patch(replace=(call("b", "look", "z"),), answer=answer("b", "c"))
    agent = world.agent(store, [first], [second])
    run = ""
    async with aclosing(agent.stream("Look.")) as events:
        async for event in events:
            run = event.run
            if event.type == "node.ended" and event.node == "b":
                break  # the run is cancelled here
    world.go.set()
    ended = await agent.resume(run)
    assert ended.outcomes["long"].status == "cancelled"
    assert sorted(world.did) == ["look z", "stuck y"]


@pytest.mark.parametrize("how", ["remove", "replace"])
async def test_an_executed_effect_stays_on_record(store: Store, how: str) -> None:
    world = World()
    first = add(call("s", "send", "Ann"), Observe(id="o", using=(Ref("s"),)))
    if how == "remove":
        second = Patch(remove=("s", "o"), add=(call("b", "look", "b"),), answer=answer("b"))
    else:
        second = Patch(replace=(call("s", "send", "Bob"),), answer=answer("s"))
    run = await world.agent(store, [first], [second]).run("Send.")
    events = await store.journal.events(run.id)
    values = [end.value for end in fold(events).effects.values()]
    letters = ["send Ann"] + (["send Bob"] if how == "replace" else ["look b"])
    assert world.did == letters and "sent to Ann" in values
    steps: Any = {one["node"]: one for one in document(events)["steps"]}  # type: ignore[index,union-attr,call-overload]
    progress = Progress()
    for event in events:
        progress = shown(progress, event)
    name = "s" if how == "remove" else "s (replaced)"
    assert steps[name]["value"] == "sent to Ann"
    assert progress.rows[name].detail == '"sent to Ann"'
    assert progress.rows[name].what.endswith("(removed)") is (how == "remove")


async def test_an_effect_that_is_removed_while_it_runs_is_in_doubt(store: Store) -> None:
    world = World()
    first = add(call("s", "slow_send", "Ann"), Observe(id="o", using=()))
    second = Patch(remove=("s",), add=(call("b", "look", "b"),), answer=answer("b"))
    run = await world.agent(store, [first], [second], t1=world.begun).run("Send.")
    assert (run.answer, world.did) == ("done", ["look b"])
    assert (await statuses(store, run.id))["s"] == "in_doubt"
    await resolve(store.journal, run.id, "s", done=True, value="sent after all")
    state = fold(await store.journal.events(run.id))
    assert state.outcomes["s"].value == "sent after all"


async def test_an_effect_removed_just_before_a_kill_can_be_resolved_and_the_run_forked(
    store: Store,
) -> None:
    world = World()
    first = add(call("s", "slow_send", "Ann"), Observe(id="o", using=()))
    second = Patch(remove=("s",), add=(call("b", "look", "b"),), answer=answer("b"))
    agent = world.agent("memory", [first], [second], t1=world.begun)
    run = ""
    async with aclosing(agent.stream("Send.")) as events:
        async for event in events:
            if (event.type, event.node) == ("node.ended", "s"):
                break
            store.journal.append(event)
            run = event.run
    again = replace(agent, store=store)
    assert (await again.resume(run)).answer == "done"
    with pytest.raises(UsageError, match="whether s of run .* took effect"):
        await again.fork(run, "b", args={"word": "c"})
    await resolve(store.journal, run, "s", done=False)
    assert (await again.fork(run, "b", args={"word": "c"})).outcomes["b"].value == "c"


async def let_go_after_b(world: World, agent: Any) -> str:
    """The id of a run whose letters are sent once its node `b` has ended."""
    run = ""
    async with aclosing(agent.stream("Send.")) as events:
        async for event in events:
            run = event.run
            if event.type == "node.ended" and event.node == "b":
                world.go.set()
    return run


async def test_an_effect_that_has_begun_goes_on_when_it_is_cut_off(store: Store) -> None:
    world = World()
    first = add(
        call("s", "slow_send", "Ann"), call("b", "look", Ref("s")), Observe(id="o", using=()),
    )  # fmt: skip
    second = Patch(replace=(call("b", "look", "z"),), answer=answer("b"))
    run = await let_go_after_b(world, world.agent(store, [first], [second], t1=world.begun))
    assert (await statuses(store, run))["s"] == "value"
    assert sorted(world.did) == ["look z", "send Ann"]


async def test_an_effect_that_has_begun_keeps_what_it_needs_to_begin_anew(store: Store) -> None:
    world = World()
    first = add(
        call("a", "look", "x"), call("s", "slow_send", Ref("a")), call("b", "look", Ref("s")),
        Observe(id="o", using=()),
    )  # fmt: skip
    second = [
        Patch(replace=(call("a", "look", "y"),)),
        Patch(replace=(call("b", "look", "z"),), answer=answer("b")),
    ]
    run = await let_go_after_b(world, world.agent(store, [first], second, t1=world.begun))
    assert set((await statuses(store, run)).values()) == {"value"}
    assert sorted(world.did) == ["look x", "look y", "look z", "send y"]


@st.composite
def changes(draw: st.DrawFn) -> tuple[Plan, Patch]:
    """A random plan with an answer, and a patch of it."""
    nodes: dict[str, Node] = {}
    for number in range(draw(st.integers(1, 8))):
        nodes[f"n{number}"] = draw(_node(f"n{number}", [*nodes]))
    names = [*nodes]
    plan = Plan(nodes=nodes, answer=answer(*draw(st.lists(st.sampled_from(names), max_size=2))))
    replaced = [
        draw(_node(name, names[: names.index(name)]))
        for name in draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
    ]
    other = answer(*draw(st.lists(st.sampled_from(names), max_size=2)))
    return plan, Patch(replace=tuple(replaced), answer=draw(st.none() | st.just(other)))


@st.composite
def _node(draw: st.DrawFn, name: str, before: list[str]) -> Call:
    used = draw(st.lists(st.sampled_from(before), max_size=2)) if before else []
    return Call(id=name, tool="look", args={f"a{n}": Ref(each) for n, each in enumerate(used)})


def below(plan: Plan, names: frozenset[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        found |= {name} | below(plan, needs(plan.nodes[name]))
    return found


@given(changes())
def test_only_what_the_patch_took_from_the_answer_is_cut_off(change: tuple[Plan, Patch]) -> None:
    plan, patch = change
    after = apply(plan, patch)
    lost = cut_off(plan, patch)
    assert plan.answer is not None and after.answer is not None
    if not patch.replace:
        assert not lost
    was = [needs(plan.nodes[node.id]) for node in patch.replace]
    assert lost <= below(plan, needs(plan.answer).union(*was))
    assert lost.isdisjoint(below(after, needs(after.answer)))
    for name in after.nodes.keys() - lost:
        assert lost.isdisjoint(needs(after.nodes[name]))
