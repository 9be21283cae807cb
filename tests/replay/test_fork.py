"""A fork shares everything with the run it came from but the causal cone of one changed node."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, Limits, Patch, ToolError, UsageError, open_store, tool
from agentkit.decide import approve, deny
from agentkit.diff import diff
from agentkit.errors import RunError, RunPaused
from agentkit.fold import fold
from agentkit.plan.graph import Answer, Call, Const, Node, Observe, Plan, Ref
from agentkit.plan.source import to_source
from agentkit.planners import Fixed
from agentkit.protocols import Brief
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from agentkit.tool import Context

pytestmark = pytest.mark.anyio

NODES = {
    1: (), 2: (), 3: (1,), 4: (1,), 5: (1, 2), 6: (2,), 7: (3,), 8: (3, 4),
    9: (5,), 10: (5, 6), 11: (6,), 12: (7, 8), 13: (9,), 14: (10, 11), 15: (12, 13), 16: (14,),
}  # fmt: skip
"""Sixteen nodes with what each needs."""


class Workshop:
    """Tools that count for which node they were called."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

        @tool(effect="read")
        async def add(numbers: list[int], plus: int, context: Context) -> int:
            """The sum."""
            self.calls[context.node] += 1
            return sum(numbers) + plus

        @tool(effect="read")
        async def times(numbers: list[int], plus: int, context: Context) -> int:
            """Ten times the sum."""
            self.calls[context.node] += 1
            return 10 * sum(numbers) + plus

        @tool(effect="once")
        async def pay(amount: int, context: Context) -> str:
            """Pay."""
            self.calls[context.node] += 1
            return f"paid {amount} as {context.key[:8]}"

        @tool(effect="read")
        async def small(amount: int, context: Context) -> int:
            """Only small amounts."""
            self.calls[context.node] += 1
            if amount > 5:
                raise ToolError("too much")
            return amount

        self.tools = [add, times, pay, small]

    def agent(self, store: Store, plan: Plan | str, **other: Any) -> Agent[Any]:
        """An agent that plans this; its model only answers."""
        model = other.pop("model", None) or ScriptedModel(replies=lambda request: "Done.")
        return Agent(model=model, tools=self.tools, planner=Fixed(plan), store=store, **other)


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    """A store on disk."""
    opened = open_store(tmp_path / "store")
    yield opened
    await opened.close()


def sixteen() -> Plan:
    """The graph as a plan."""
    from agentkit.plan.expression import expression

    nodes: dict[str, Node] = {}
    for number, needed in NODES.items():
        numbers = expression(f"[{', '.join(f'n{one}' for one in needed)}]")
        args = {"numbers": numbers, "plus": Const(number)}
        nodes[f"n{number}"] = Call(id=f"n{number}", tool="add", args=args)
    return Plan(nodes=nodes, answer=Answer(using=(Ref("n15"), Ref("n16"))))


def below(number: int) -> set[str]:
    """A node and all that needs it."""
    found = {number}
    for other, needed in NODES.items():
        if found & {*needed}:
            found.add(other)
    return {f"n{one}" for one in found}


@pytest.mark.parametrize("number", [1, 5, 11, 16])
async def test_exactly_the_changed_node_and_its_descendants_run_again(
    store: Store, number: int
) -> None:
    workshop = Workshop()
    agent = workshop.agent(store, sixteen())
    run = await agent.run("Add up.")
    assert workshop.calls == dict.fromkeys((f"n{one}" for one in NODES), 1)
    before = [*await agent.events(run.id)]
    workshop.calls.clear()
    forked = await agent.fork(run.id, f"n{number}", args={"plus": 1000})
    assert workshop.calls == dict.fromkeys(below(number), 1)
    kept = {name for name in run.outcomes if name not in below(number)}
    assert {n: forked.outcomes[n].value for n in kept} == {n: run.outcomes[n].value for n in kept}
    assert all(forked.outcomes[n].value != run.outcomes[n].value for n in below(number))
    assert forked.usage.calls == 1  # the answer
    assert [*await agent.events(run.id)] == before
    created = (await agent.events(forked.id))[0]
    assert created.data["forked"] == {"run": run.id, "node": f"n{number}"}
    assert f"n{number} = add(numbers=" in to_source(forked.plan)


async def test_a_fork_replays_and_can_be_forked_again(store: Store) -> None:
    workshop = Workshop()
    agent = workshop.agent(store, sixteen())
    run = await agent.run("Add up.")
    first = await agent.fork(run.id, "n9", args={"plus": 0})
    second = await agent.fork(first.id, "n9", tool="times", args={"plus": 9})
    workshop.calls.clear()
    for one in (run, first, second):
        await agent.replay(one.id)
    assert not workshop.calls
    found = diff(await agent.events(first.id), await agent.events(second.id))
    assert {node.node for node in found.nodes} == {"n9", "n13", "n15"}
    assert found.plan and not found.same


async def test_another_model_answers_the_fork(store: Store) -> None:
    workshop = Workshop()
    run = await workshop.agent(store, sixteen()).run("Add up.")
    other = ScriptedModel(replies=["Otherwise."], name="test:other")
    forked = await workshop.agent(store, sixteen(), model=other).fork(run.id, "n16")
    assert forked.answer == "Otherwise."
    agent = workshop.agent(store, sixteen())
    assert (await agent.events(forked.id))[0].data["model"] == "test:other"


MAP = """
a = add(numbers=[1], plus=1)
many = [add(numbers=[x], plus=a) for x in [1, 2]]
b = add(numbers=many, plus=0)
half = b / 2
if half > 100:
    c = add(numbers=[], plus=7)
answer(using=[a, b])
"""


async def test_calls_in_maps_computed_values_and_guards_can_be_changed(store: Store) -> None:
    workshop = Workshop()
    agent = workshop.agent(store, MAP)
    run = await agent.run("Add up.")
    assert run.outcomes["c"].status == "skipped"
    workshop.calls.clear()
    forked = await agent.fork(run.id, "many", args={"plus": 100})
    assert forked.outcomes["many"].value == [101, 102]
    assert [*workshop.calls] == ["many[0].add_1", "many[1].add_1", "b", "c"]
    again = await agent.fork(run.id, "many[1].add_1", args={"plus": 1})
    assert again.outcomes["many"].value == [2, 3]
    for node, name, value in (("half", "value", 500), ("if_1", "test", True)):
        workshop.calls.clear()
        assert (await agent.fork(run.id, node, args={name: value})).outcomes["c"].value == 7
        assert [*workshop.calls] == ["c"]


async def test_an_effect_outside_of_the_cone_is_not_done_again(store: Store) -> None:
    workshop = Workshop()
    plan = "a = add(numbers=[], plus=1)\np = pay(amount=a)\nq = pay(amount=5)\nanswer(f'{p} {q}')"
    agent = workshop.agent(store, plan)
    run = await agent.run("Pay.")
    workshop.calls.clear()
    forked = await agent.fork(run.id, "a", args={"plus": 2})
    assert workshop.calls == {"a": 1, "p": 1}
    assert forked.outcomes["q"] == run.outcomes["q"]
    old, new = [fold(await agent.events(one.id)).effects.keys() for one in (run, forked)]
    assert len(old & new) == 1  # only that of q; p has a key of its own now


async def test_what_needed_approval_is_asked_again_in_the_cone_only(store: Store) -> None:
    workshop = Workshop()
    plan = "a = add(numbers=[], plus=1)\np = pay(amount=a)\nq = pay(amount=5)\nanswer(f'{p} {q}')"
    agent = workshop.agent(store, plan, approve=["pay"])
    with pytest.raises(RunPaused) as caught:
        await agent.run("Pay.")
    run = caught.value.run_id or ""
    await approve(store.journal, run, "p")
    await deny(store.journal, run, "q")
    await agent.resume(run)
    with pytest.raises(RunPaused) as again:
        await agent.fork(run, "a", args={"plus": 2})
    assert [(one.node, one.args) for one in again.value.questions] == [("p", {"amount": 2})]
    await approve(store.journal, again.value.run_id or "", "p")
    answered = await agent.resume(again.value.run_id or "")
    assert answered.outcomes["q"].status == "denied"
    await agent.replay(answered.id)


async def test_a_failure_is_mended_by_a_fork(store: Store) -> None:
    workshop = Workshop()
    agent = workshop.agent(store, "s = small(amount=9)\nt = small(amount=s)\nanswer(using=[s, t])")
    with pytest.raises(RunError, match="nothing is left") as caught:
        await agent.run("Be small.")
    mended = await agent.fork(caught.value.run_id or "", "s", args={"amount": 3})
    assert mended.outcomes["t"].value == 3


async def test_what_failed_is_tried_again_unchanged_a_map_of_several_calls_too(
    store: Store,
) -> None:
    workshop = Workshop()
    plan = "m = [small(amount=small(amount=x)) for x in [8, 9]]\nanswer(f'{m}')"
    agent = workshop.agent(store, plan)
    with pytest.raises(RunError, match="nothing is left") as first:
        await agent.run("Be small.")
    tried = dict(workshop.calls)
    with pytest.raises(RunError, match="nothing is left") as second:
        await agent.fork(first.value.run_id or "", first.value.failed[0])
    assert first.value.failed == second.value.failed == ("m",)
    assert workshop.calls == {call: 2 * times for call, times in tried.items()}


async def test_a_fork_of_a_submitted_run_is_not_a_workers(store: Store) -> None:
    agent = Workshop().agent(store, sixteen(), origin="agents.py:agent")
    run = await agent.submit("Add up.")
    await agent.resume(run)
    forked = await agent.fork(run, "n16", args={"plus": 0})
    assert "submitted" not in (await agent.events(forked.id))[0].data


@pytest.mark.parametrize(
    ("node", "change", "says"),
    [
        ("nil", {}, "has no node 'nil'; its nodes: a, many, b"),
        ("a", {"args": {"minus": 1}}, "unknown_argument"),
        ("a", {"args": {"plus": "one"}}, "wrong_type|type"),
        ("a", {"tool": "nil"}, "unknown_tool"),
        ("half", {"args": {"plus": 1}}, "half is no call but a compute"),
        ("many.nil", {}, "say which call of many to change: many.add_1"),
    ],
)
async def test_what_can_not_be_changed_so_is_refused_before_anything_runs(
    store: Store, node: str, change: dict[str, Any], says: str
) -> None:
    workshop = Workshop()
    agent = workshop.agent(store, MAP)
    run = await agent.run("Add up.")
    with pytest.raises(UsageError, match=says):
        await agent.fork(run.id, node, **change)
    assert len(await store.journal.runs()) == 1


async def test_a_run_with_an_effect_in_doubt_or_a_plan_half_made_is_not_forked(
    store: Store,
) -> None:
    workshop = Workshop()
    agent = workshop.agent(store, "p = pay(amount=1)\nanswer(f'{p}')")
    whole = await agent.run("Pay.")
    for name, last in (("doubt", "effect.intent"), ("half", "run.created")):
        cut = open_store("memory")
        for event in await agent.events(whole.id):
            cut.journal.append(event)
            if event.type == last:
                break
        says = "took effect" if name == "doubt" else "still planned"
        with pytest.raises(UsageError, match=says):
            await workshop.agent(cut, MAP).fork(whole.id, "p")


async def test_a_run_with_a_call_that_failed_unheard_is_forked_and_keeps_it(store: Store) -> None:
    workshop = Workshop()

    @tool(effect="write", timeout_s=0.001)
    async def save(amount: int) -> int:
        """Never answers in time."""
        await asyncio.get_running_loop().create_future()
        return amount

    plan = "a = add(numbers=[], plus=1)\ns = save(amount=1)\nanswer(f'{a}')"
    agent = replace(workshop.agent(store, plan), tools=[*workshop.tools, save])
    run = await agent.run("Save.")
    assert run.outcomes["s"].status == "failed"
    forked = await agent.fork(run.id, "a", args={"plus": 2})
    assert (forked.answer, forked.outcomes["s"]) == ("2", run.outcomes["s"])
    assert (await agent.fork(run.id, "s", args={"amount": 2})).answer == "1"


async def test_a_run_that_was_answered_when_it_could_plan_no_more_is_forked(store: Store) -> None:
    workshop = Workshop()

    class Curious:
        async def propose(self, brief: Brief) -> AsyncGenerator[Patch, None]:
            name, args = f"n{brief.turn}", {"numbers": Const([]), "plus": Const(brief.turn)}
            seen = Observe(id=f"seen{brief.turn}", using=(Ref(name),))
            yield Patch(add=(Call(id=name, tool="add", args=args), seen))

    agent = replace(workshop.agent(store, ""), planner=Curious(), limits=Limits(replans=1))
    run = await agent.run("Look on.")
    workshop.calls.clear()
    forked = await agent.fork(run.id, "n0", args={"plus": 5})
    assert (forked.outcomes["n0"].value, workshop.calls) == (5, {"n0": 1})
