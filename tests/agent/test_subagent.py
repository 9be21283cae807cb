"""Agents as tools of others: a run within a run, with one store, one budget, one person to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, Budget, Cost, Limits, ToolError, UsageError, open_store, tool
from agentkit.decide import approve, deny
from agentkit.decisions import Decision, Question
from agentkit.decisions import approve as allowed
from agentkit.errors import BudgetReached, RunPaused
from agentkit.planners import Fixed
from agentkit.state import fold
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from agentkit.testing.invariants import check_run

pytestmark = pytest.mark.anyio

SEND = 'a = look(n=1)\ns = send(to="Ann", text=f"{a}")\nanswer(f"{s}")'
SEND_OR_NOT = 'a = look(n=1)\ns = send(to="Ann", text=f"{a}")\nanswer(using=[a, s])'
BOTH = """
a = send(to="Ann", text="hi")
b = send(to="Bob", text="hi")
answer(f"{a}, {b}")
"""
HAND = 'r = clerk(task="Write to Ann.")\nanswer(f"{r}!")'
OR_NOT = 'r = clerk(task="Write to Ann.")\nn = look(n=5)\nanswer(using=[r, n])'
EACH = 'all = [clerk(task=f"Write {n}.") for n in [1, 2]]\nanswer(f"{all}")'


class Post:
    """Letters that were sent, and agents that send them."""

    def __init__(self, **options: Any) -> None:
        self.letters: list[str] = []
        self.looked = 0

        @tool(effect="once", **options)
        async def send(to: str, text: str) -> str:
            """Send a letter."""
            self.letters.append(to)
            return f"{text} to {to}"

        @tool(effect="read", cost=Cost(usd=Decimal(0)))
        async def look(n: int) -> int:
            """Look."""
            self.looked += 1
            return n

        @tool(effect="pure", trusted=False)
        async def broken(n: int) -> int:
            """Fail."""
            raise ToolError("no such page")

        self.tools: list[Any] = [send, look, broken]

    def clerk(self, plan: str = SEND, **options: Any) -> Agent[Any]:
        """The agent that is a tool."""
        given: dict[str, Any] = {"tools": self.tools, "planner": Fixed(plan), **options}
        given.setdefault("model", ScriptedModel(replies=lambda _: "said"))
        return Agent(name="clerk", **given)


def boss(store: Store | str, *tools: Any, plan: str = HAND, **options: Any) -> Agent[Any]:
    """The agent that has it."""
    model = ScriptedModel(replies=lambda _: "told")
    given: dict[str, Any] = {"planner": Fixed(plan), "model": model, **options}
    return Agent(tools=tools, store=store, **given)


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    """A store on disk."""
    opened = open_store(tmp_path / "store", sync="process")
    yield opened
    await opened.close()


async def paused(agent: Agent[Any]) -> RunPaused:
    with pytest.raises(RunPaused) as caught:
        await agent.run("Send it.")
    assert caught.value.run_id is not None
    return caught.value


async def inner_runs(store: Store) -> list[str]:
    found = await store.journal.runs()
    return sorted(run.run for run in found if run.within)


async def replays(agent: Agent[Any], run: str) -> None:
    """The run keeps the rules, and comes to the same again with nothing outside."""
    async with asyncio.timeout(20):
        store = agent.store
        assert isinstance(store, Store)
        for each in (run, *await inner_runs(store)):
            check_run(await store.journal.events(each))
        before = [len(await store.journal.events(each)) for each in await inner_runs(store)]
        await agent.replay(run)
        after = [len(await store.journal.events(each)) for each in await inner_runs(store)]
        assert before == after


async def test_an_agent_is_a_tool_whose_calls_are_runs_in_the_same_store(store: Store) -> None:
    post = Post()
    agent = boss(store, post.clerk())
    run = await agent.run("Send it.")
    assert (run.answer, post.letters) == ("1 to Ann!", ["Ann"])
    (inner,) = await inner_runs(store)
    created = (await store.journal.events(inner))[0]
    assert created.data["task"] == "Write to Ann."
    assert created.data["within"] == {"run": run.id, "node": "r"}
    started = [e for e in await store.journal.events(run.id) if e.type == "node.started"]
    assert [event.data["run"] for event in started] == [inner]
    await replays(agent, run.id)
    assert post.letters == ["Ann"]


async def test_the_tool_is_as_dangerous_as_the_worst_of_the_agents_tools() -> None:
    post = Post()
    send, look, _ = post.tools
    made = [replace(post.clerk(), tools=one).as_tool() for one in ([], [look], [look, send])]
    assert [one.effect for one in made] == ["pure", "read", "once"]
    assert [one.trusted for one in (made[2], post.clerk().as_tool())] == [True, False]
    assert "clerk, that can use send, look, broken" in post.clerk().as_tool().description
    assert Agent(tools=[post.clerk().as_tool()]).as_tool(name="chief").effect == "once"


@dataclass(frozen=True)
class Total:
    """A typed answer."""

    euros: int
    lines: list[str]


async def test_inputs_and_answers_have_types_that_the_plan_is_checked_against(
    store: Store,
) -> None:
    model = ScriptedModel(replies=['{"euros": 7, "lines": ["3", "4"]}'])
    plan = "s = sum(prices)\nanswer(using=[s])"
    adder = Agent(model=model, planner=Fixed(plan), output=Total)
    total = adder.as_tool(name="adder", description="Adds.", inputs={"prices": list[int]})
    assert total.input_schema["required"] == ["task", "prices"]
    bad = boss(store, total, plan='t = adder(task="Add.", prices="3, 4")\nanswer(f"{t}")')
    _, problems = await bad.plan("Add.")
    assert {problem.code for problem in problems} == {"wrong_type"}
    good = replace(
        bad, planner=Fixed('t = adder(task="Add.", prices=[3, 4])\nanswer(f"{t.euros}")')
    )
    run = await good.run("Add.")
    assert run.answer == "7"
    assert run.outcomes["t"].value == {"euros": 7, "lines": ["3", "4"]}
    await replays(good, run.id)


async def test_the_agents_question_is_the_runs_and_is_answered_there(store: Store) -> None:
    post = Post(approve=True)
    agent = boss(store, post.clerk())
    pause = await paused(agent)
    (question,) = pause.questions
    assert (question.node, question.tool) == ("r/s", "send")
    assert question.args == {"to": "Ann", "text": "1"}
    assert "waits for approval of r/s (send)" in str(pause)
    run = pause.run_id or ""
    await replays(agent, run)
    await approve(store.journal, run, "r/s", args={"to": "Bob"}, by="Ida")
    answered = await agent.resume(run)
    assert (answered.answer, post.letters, post.looked) == ("1 to Bob!", ["Bob"], 1)
    (inner,) = await inner_runs(store)
    (decided,) = [e for e in await store.journal.events(inner) if e.type == "node.decided"]
    assert (decided.node, decided.data["by"]) == ("s", "Ida")
    assert answered.spent.calls == 3
    await replays(agent, run)


async def test_what_is_denied_in_it_is_told_to_its_own_planner(store: Store) -> None:
    post = Post(approve=True)
    model = ScriptedModel(replies=[SEND_OR_NOT, "", "Nothing was sent."])
    agent = boss(store, post.clerk(model=model, planner="program"))
    run = (await paused(agent)).run_id or ""
    await deny(store.journal, run, "r/s", reason="Ann is on leave")
    answered = await agent.resume(run)
    assert (answered.answer, post.letters) == ("Nothing was sent.!", [])
    assert any("Ann is on leave" in each.content for each in model.requests[1].messages)
    await replays(agent, run)


async def test_an_approver_is_asked_once_for_all_that_waits_in_agents_of_a_map(
    store: Store,
) -> None:
    asked: list[list[str]] = []

    async def person(questions: Sequence[Question]) -> Sequence[Decision]:
        asked.append([one.node for one in questions])
        return [allowed(one) for one in questions]

    post = Post(approve=True)
    agent = boss(store, post.clerk(BOTH), plan=EACH, approver=person)
    run = await agent.run("Send them.")
    assert asked == [[f"all[{at}].clerk_1/{node}" for at in (0, 1) for node in "ab"]]
    assert sorted(post.letters) == ["Ann", "Ann", "Bob", "Bob"]
    assert len(await inner_runs(store)) == 2
    await replays(agent, run.id)


async def test_questions_are_answered_one_after_the_other_and_others_wait_on(store: Store) -> None:
    post = Post(approve=True)
    agent = boss(store, post.clerk(BOTH))
    run = (await paused(agent)).run_id or ""
    for _ in range(4):  # more often than a call may be repeated
        with pytest.raises(RunPaused):
            await agent.resume(run)
    await approve(store.journal, run, "r/b")
    with pytest.raises(RunPaused) as again:
        await agent.resume(run)
    assert [one.node for one in again.value.questions] == ["r/a"]
    assert post.letters == ["Bob"]
    with pytest.raises(UsageError, match="waits for no approval; waiting: r/a"):
        await approve(store.journal, run, "r/b")
    await approve(store.journal, run, "r/a")
    assert (await agent.resume(run)).answer == "hi to Ann, hi to Bob!"
    assert sorted(post.letters) == ["Ann", "Bob"]
    await replays(agent, run)


async def test_questions_come_through_from_any_depth_and_the_rules_around_hold_inside(
    store: Store,
) -> None:
    post = Post()
    chief = Agent(name="chief", model=ScriptedModel(), planner=Fixed(HAND), tools=[post.clerk()])
    plan = 'top = chief(task="Have it written.")\nanswer(f"{top}!")'
    agent = boss(store, chief, plan=plan, approve=["send"])
    pause = await paused(agent)
    assert [one.node for one in pause.questions] == ["top/r/s"]
    run = pause.run_id or ""
    await approve(store.journal, run, "top/r/s")
    assert (await agent.resume(run)).answer == "1 to Ann!!"
    assert (post.letters, post.looked) == (["Ann"], 1)
    assert len(await inner_runs(store)) == 2
    await replays(agent, run)


@pytest.mark.parametrize(
    "after", ["run.created", "node.started", "effect.intent", "node.ended", "run.ended"]
)
async def test_a_run_that_was_killed_finds_the_agents_run_and_repeats_nothing(
    store: Store, after: str
) -> None:
    post = Post()
    agent = boss(store, post.clerk(BOTH))
    whole = open_store("memory")
    run = (await replace(agent, store=whole).run("Send it.")).id
    inner = (await inner_runs(whole))[0]
    for name, last in ((run, "effect.intent"), (inner, after)):
        for event in await whole.journal.events(name):
            store.journal.append(event)
            if event.type == last:
                break
    await whole.close()
    begun = {e.node for e in await store.journal.events(inner) if e.type == "effect.intent"}
    post.letters.clear()
    answered = await agent.resume(run)
    assert await inner_runs(store) == [inner]
    left = [to for node, to in (("a", "Ann"), ("b", "Bob")) if node not in begun]
    assert post.letters == left
    assert answered.outcomes["r"].ok
    await replays(agent, run)


async def test_its_failure_is_the_calls_failure_with_the_reason(store: Store) -> None:
    post = Post()
    clerk = post.clerk('b = broken(n=1)\nanswer(f"{b}")')
    agent = boss(store, clerk, post.tools[1], plan=OR_NOT)
    run = await agent.run("Send it.")
    failure = run.outcomes["r"].failure
    assert failure is not None and failure.kind == "ToolError"
    (inner,) = await inner_runs(store)
    assert "no such page" in failure.message and inner in failure.message
    await replays(agent, run.id)


async def test_cancelling_the_run_cancels_the_agents_and_both_go_on(store: Store) -> None:
    started, go = asyncio.Event(), asyncio.Event()
    calls: list[str] = []

    @tool(effect="read")
    async def wait() -> str:
        """Wait."""
        calls.append("wait")
        started.set()
        await go.wait()
        return "waited"

    clerk = Post().clerk('w = wait()\nanswer(f"{w}")', tools=[wait])
    agent = boss(store, clerk)
    work = asyncio.create_task(agent.run("Wait."))
    await started.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    listed = await store.journal.runs()
    assert [run.status for run in listed] == ["cancelled", "cancelled"]
    go.set()
    (run,) = [each.run for each in listed if not each.within]
    assert (await agent.resume(run)).answer == "waited!"
    assert calls == ["wait", "wait"]
    await replays(agent, run)


async def test_what_it_uses_counts_in_the_run_and_against_its_budget(store: Store) -> None:
    @tool(effect="read", cost=Cost(usd=Decimal("0.02")))
    async def buy(word: str) -> str:
        """Buy a word."""
        return word

    plan = 'a = buy(word="a")\nb = buy(word="b")\nanswer(using=[a, b])'
    model = ScriptedModel(replies=lambda _: "Both.")
    clerk = Agent(name="clerk", model=model, tools=[buy], planner=Fixed(plan))
    agent = boss(store, clerk, budget=Budget(usd=Decimal("0.03"), calls=9))
    with pytest.raises(BudgetReached, match=r"\$0.03 does not allow the call of buy in r") as short:
        await agent.run("Buy.")
    run = short.value.run_id or ""
    richer = replace(agent, budget=Budget(usd=short.value.wanted, calls=9))
    done = await richer.resume(run)
    assert done.answer == "Both.!"
    assert (done.spent.usd, done.spent.calls, done.spent.unknown) == (Decimal("0.04"), 3, set())
    (inner,) = await inner_runs(store)
    assert done.usage.calls == fold(await store.journal.events(inner)).usage.calls == 1
    await replays(richer, run)


async def test_agents_side_by_side_do_not_overshoot_the_budget(store: Store) -> None:
    post = Post()
    look = 'answer(f"{look(n=1)}")'
    plan = 'all = [clerk(task=f"{n}") for n in [1, 2, 3]]\nanswer(f"{all}")'
    agent = boss(store, post.clerk(look), plan=plan, budget=Budget(calls=5))
    with pytest.raises(BudgetReached, match="5 calls"):
        await agent.run("Look.")
    assert post.looked == 2


async def test_its_own_budget_is_its_own_affair(store: Store) -> None:
    post = Post()
    clerk = post.clerk(budget=Budget(calls=1))
    agent = boss(store, clerk, post.tools[1], plan=OR_NOT, budget=Budget(calls=9))
    run = await agent.run("Send it.")
    failure = run.outcomes["r"].failure
    assert failure is not None and "budget of 1 call does not allow" in failure.message
    assert (post.letters, run.spent.calls) == ([], 3)
    worst = await agent.worst_case(run.plan)
    assert worst.known["calls"] == 3


async def test_a_plan_that_may_cost_too_much_inside_is_asked_about_outside(store: Store) -> None:
    post = Post()
    clerk = post.clerk(budget=Budget(usd=Decimal(1), when_over="ask"))
    agent = boss(store, clerk)
    pause = await paused(agent)
    assert [(one.node, one.args) for one in pause.questions] == [("r/run/budget", {"usd": "$1.00"})]
    run = pause.run_id or ""
    await approve(store.journal, run, "r/run/budget")
    assert (await agent.resume(run)).answer == "1 to Ann!"
    await replays(agent, run)


async def test_what_has_waited_is_neither_paid_twice_nor_forgotten(store: Store) -> None:
    @tool(effect="read", cost=Cost(usd=Decimal("0.02")))
    async def buy(word: str) -> str:
        """Buy a word."""
        return word

    @tool(effect="once", approve=True, cost=Cost(usd=Decimal("0.01")))
    async def sell(word: str) -> str:
        """Sell it."""
        return word

    plan = 'a = buy(word="a")\nb = sell(word=a)\nc = buy(word=b)\nanswer(f"{c}")'
    clerk = Agent(name="clerk", model=ScriptedModel(), tools=[buy, sell], planner=Fixed(plan))
    agent = boss(store, clerk, budget=Budget(usd=Decimal("0.05")))
    run = (await paused(agent)).run_id or ""
    await approve(store.journal, run, "r/b")
    done = await agent.resume(run)
    assert (done.answer, done.spent.usd, done.spent.calls) == ("a!", Decimal("0.05"), 4)
    run = (await paused(replace(agent, budget=Budget(usd=Decimal("0.04"))))).run_id or ""
    await approve(store.journal, run, "r/b")
    with pytest.raises(BudgetReached, match="call of buy in r"):
        await replace(agent, budget=Budget(usd=Decimal("0.04"))).resume(run)


async def test_an_agent_cannot_be_its_own_tool_nor_too_deep(store: Store) -> None:
    tools: list[Any] = []
    one = Agent(name="one", tools=tools, store=store)
    two = Agent(name="two", tools=[one], store=store)
    tools.append(two)
    with pytest.raises(UsageError, match=r"agent 'two' calls itself \(two > one > two\)"):
        await two.run("Go round.")
    tools.clear()
    top = boss(store, two, limits=Limits(agents=2))
    with pytest.raises(UsageError, match=r"at most 2 agents .* found agent > two > one"):
        await top.run("Go down.")
    assert await store.journal.runs() == []
    with pytest.raises(UsageError, match="cannot be named 'task'"):
        one.as_tool(inputs={"task": str})


async def test_outside_of_a_run_the_tool_is_a_run_of_its_own(tmp_path: Path) -> None:
    clerk = Post().clerk(store=tmp_path)
    assert await clerk.as_tool()("Write to Ann.") == "1 to Ann"


async def test_pruning_keeps_the_agents_runs_as_long_as_the_run_around(store: Store) -> None:
    from agentkit.hygiene import prune

    post = Post()
    agent = boss(store, post.clerk())
    first = await agent.run("Send it.")
    await agent.run("Send it.")
    gone = await prune(store, older_than_s=-1, keep=1)
    assert [run.within for run in gone] in ([first.id, ""], ["", first.id])
    assert len(await store.journal.runs()) == 2
