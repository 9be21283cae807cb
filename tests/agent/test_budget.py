"""What a run may spend: planner, tools and what tools ask the model; refused, asked, or paused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from agentkit import Agent, Budget, Context, Cost, UsageError, open_store, tool
from agentkit.decide import approve, deny
from agentkit.decisions import BUDGET, Decision, Question
from agentkit.decisions import approve as allowed
from agentkit.errors import BudgetReached, PlanRefused, RunPaused
from agentkit.fold import fold
from agentkit.messages import Message, Profile, Request
from agentkit.models import complete
from agentkit.models.profile import most_of
from agentkit.planners import Fixed
from agentkit.store import Store
from agentkit.testing import ScriptedModel

pytestmark = pytest.mark.anyio

PRICES = {"input": Decimal(1), "output": Decimal(4)}
PROFILE = Profile(prices_usd_per_million=PRICES)
THREE = """
a = look(word="a")
b = look(word="b")
c = look(word="c")
answer(f"{a}{b}{c}")
"""
DEAR = "all = [look(word=w) for w in words]\nanswer(f'{all}')"


class Shop:
    """Tools that cost something, and how often each was called."""

    def __init__(self) -> None:
        self.looked: list[str] = []

        @tool(effect="read", cost=Cost(usd=Decimal("0.02")))
        async def look(word: str) -> str:
            """Look a word up."""
            self.looked.append(word)
            return word

        @tool(effect="read")
        async def guess(word: str) -> str:
            """Nobody knows what this costs."""
            self.looked.append(word)
            return word

        @tool(effect="read", cost=Cost(usd=Decimal(0)))
        async def think(word: str, context: Context) -> str:
            """Asks the model."""
            request = Request(messages=(Message("user", word),), purpose="think", max_tokens=50)
            text = (await complete(context.model, request)).text
            self.looked.append(word)
            return text

        self.tools = [look, guess, think]

    def agent(self, store: Store | str, plan: str, *replies: str, **options: Any) -> Agent[Any]:
        model = ScriptedModel(
            replies=replies or (lambda _: "a thought that takes about a dozen tokens"),
            profile=PROFILE,
            tokens_per_s=1e6,
        )
        given: dict[str, Any] = {"planner": Fixed(plan), "store": store, **options}
        return Agent(model=model, tools=self.tools, **given)


async def paused(agent: Agent[Any], **inputs: Any) -> RunPaused:
    with pytest.raises(RunPaused) as caught:
        await agent.run("Look.", inputs=inputs)
    return caught.value


async def test_a_run_pauses_where_the_budget_ends_and_goes_on_with_a_larger_one(
    store: Store,
) -> None:
    shop = Shop()
    agent = shop.agent(store, THREE, budget=Budget(usd=Decimal("0.05")))
    pause = await paused(agent)
    assert isinstance(pause, BudgetReached)
    assert "budget of $0.05 does not allow the call of c, which may take $0.02" in str(pause)
    assert (pause.dimension, pause.wanted, shop.looked) == ("usd", Decimal("0.10"), ["a", "b"])
    (summary,) = await store.journal.runs()
    assert summary.status == "paused"
    with pytest.raises(BudgetReached):  # the same budget is still too small, and nothing is lost
        await agent.resume(summary.run)
    run = await replace(agent, budget=Budget(usd=pause.wanted)).resume(summary.run)
    assert (run.answer, shop.looked) == ("abc", ["a", "b", "c"])
    assert (run.spent.usd, run.spent.calls) == (Decimal("0.06"), 3)


async def test_a_plan_that_could_cost_too_much_is_refused_before_anything_runs() -> None:
    shop = Shop()
    budget = Budget(usd=Decimal("0.05"), when_over="refuse")
    with pytest.raises(PlanRefused) as caught:
        await shop.agent("memory", THREE, budget=budget).run("Look.")
    assert shop.looked == []
    (problem,) = caught.value.problems
    assert (problem.code, problem.at.line) == ("budget", 2)
    assert problem.found == "$0.06 at worst: a (look) $0.02, b (look) $0.02, c (look) $0.02"


async def test_the_planner_may_mend_a_plan_that_is_too_dear() -> None:
    shop = Shop()
    cheaper = 'answer(f"{a}{b}")'
    model = ScriptedModel(replies=[THREE, cheaper], profile=PROFILE)
    budget = Budget(usd=Decimal("0.05"), when_over="refuse")
    agent = Agent(model=model, tools=shop.tools, store="memory", budget=budget)
    assert (await agent.run("Look.")).answer == "ab"
    told = model.requests[1].messages[-1].content
    assert "budget: expected a plan within the budget of $0.05" in told


async def test_somebody_may_allow_a_plan_once_and_the_budget_holds_all_the_same(
    store: Store,
) -> None:
    shop = Shop()
    budget = Budget(usd=Decimal("0.05"), when_over="ask")
    agent = shop.agent(store, THREE, budget=budget)
    pause = await paused(agent)
    assert [one.node for one in pause.questions] == [BUDGET] and shop.looked == []
    assert "the plan may cost $0.06 at worst" in str(pause)
    run = pause.run_id or ""
    await approve(store.journal, run, BUDGET, by="Ida")
    with pytest.raises(BudgetReached):
        await agent.resume(run)
    assert shop.looked == ["a", "b"]
    asked = [e for e in await store.journal.events(run) if e.type == "node.asked"]
    assert len(asked) == 1
    larger = replace(agent, budget=Budget(usd=Decimal("0.06"), when_over="ask"))
    assert (await larger.resume(run)).answer == "abc"


async def test_who_is_there_is_asked_and_a_denied_plan_does_not_start(store: Store) -> None:
    shop, asked = Shop(), list[Question]()

    async def ida(questions: Sequence[Question]) -> Sequence[Decision]:
        asked.extend(questions)
        return [allowed(question) for question in questions]

    budget = Budget(usd=Decimal("0.05"), calls=3, when_over="ask")
    unknown = shop.agent(
        "memory", 'a = guess(word="a")\nanswer(f"{a}")', budget=budget, approver=ida
    )
    assert (await unknown.run("Guess.")).answer == "a"
    assert "an unknown number of usd, because of a (guess) unknown" in asked[0].why
    pause = await paused(shop.agent(store, THREE, budget=budget))
    await deny(store.journal, pause.run_id or "", BUDGET)
    with pytest.raises(PlanRefused):
        await shop.agent(store, THREE, budget=budget).resume(pause.run_id or "")
    assert shop.looked == ["a"]


async def test_a_list_of_the_inputs_is_counted_and_one_without_bound_is_not_known() -> None:
    shop = Shop()
    budget = Budget(usd=Decimal("0.05"), when_over="refuse")
    words = {"words": ["a", "b"]}
    run = await shop.agent("memory", DEAR, budget=budget).run("Look.", inputs=words)
    assert run.spent.usd == Decimal("0.04")
    with pytest.raises(PlanRefused, match=r"all \(3 × look\) \$0.06"):
        more = {"words": ["a", "b", "c"]}
        await shop.agent("memory", DEAR, budget=budget).run("Look.", inputs=more)


async def test_model_calls_of_parallel_tools_never_take_more_than_there_is(store: Store) -> None:
    shop = Shop()
    plan = 'all = [think(word=w) for w in words]\nanswer(f"{len(all)}")'
    budget = Budget(tokens=150)
    agent = shop.agent(store, plan, budget=budget)
    spent, run = 0, ""
    pause = await paused(agent, words=[*"abcdefghijkl"])
    while True:
        assert isinstance(pause, BudgetReached) and "a call of test:scripted by all[" in str(pause)
        run = pause.run_id or ""
        before, spent = spent, fold(await store.journal.events(run)).spent.tokens
        assert before < spent <= (budget.tokens or 0)
        budget = Budget(tokens=(budget.tokens or 0) + 20)
        try:
            ended = await replace(agent, budget=budget).resume(run)
        except BudgetReached as error:
            pause = error
        else:
            break
    assert ended.answer == "12" and len(shop.looked) == 12
    assert ended.spent.tokens == ended.usage.input_tokens + ended.usage.output_tokens
    assert ended.spent.usd == ended.usage.cost_usd


async def test_what_a_tool_costs_besides_a_model_without_a_price_is_held_back(store: Store) -> None:
    looked: list[str] = []

    @tool(effect="read", cost=Cost(usd=Decimal("0.03")))
    async def look(word: str, context: Context) -> str:
        """Look a word up."""
        looked.append(word)
        return word

    agent = Agent(
        model=ScriptedModel(profile=Profile()),
        planner=Fixed(THREE),
        tools=[look],
        store=store,
        budget=Budget(usd=Decimal("0.05")),
    )
    with pytest.raises(BudgetReached):
        await agent.run("Look.")
    assert len(looked) == 1


async def test_a_tool_in_a_thread_waits_for_the_budget_as_well(store: Store) -> None:
    @tool(effect="read", cost=Cost(usd=Decimal(0)))
    def ponder(word: str, context: Context) -> str:
        """Asks the model on a loop of its own."""
        request = Request(messages=(Message("user", word),), max_tokens=50)
        return asyncio.run(complete(context.model, request)).text

    plan = 'all = [ponder(word=w) for w in ["a", "b", "c", "d"]]\nanswer(f"{len(all)}")'
    model = ScriptedModel(replies=lambda _: "a thought", profile=PROFILE)
    agent = Agent(
        model=model, tools=[ponder], planner=Fixed(plan), store=store, budget=Budget(tokens=90)
    )
    run = await agent.run("Ponder.")
    assert (run.answer, run.usage.calls) == ("4", 4)
    events = await store.journal.events(run.id)
    kinds = [event.type for event in events if event.type.startswith("model.")]
    assert kinds == ["model.called", "model.answered"] * 4  # the budget has room for one at a time


async def test_the_planners_call_is_bounded_too_and_what_runs_ends_first(store: Store) -> None:
    shop = Shop()
    replies = ['a = look(word="a")\nobserve(a)\n', 'answer(f"{a}")']
    free = ScriptedModel(replies=replies, profile=PROFILE)
    await Agent(model=free, tools=shop.tools, store="memory").run("Look.")
    first = most_of(free.requests[0], PROFILE).tokens
    model = ScriptedModel(replies=replies, profile=PROFILE)
    agent = Agent(model=model, tools=shop.tools, store=store, budget=Budget(tokens=first))
    pause = await paused(agent)
    assert "a call of test:scripted by plan, which may take" in str(pause)
    assert len(model.requests) == 1 and shop.looked == ["a", "a"]
    run = await replace(agent, budget=Budget(tokens=40_000)).resume(pause.run_id or "")
    assert (run.answer, shop.looked) == ("a", ["a", "a"])


async def test_a_call_that_was_cut_off_counts_at_its_bound(store: Store) -> None:
    shop = Shop()
    whole = open_store("memory")
    first = await shop.agent(whole, THREE).run("Look.")
    for event in await whole.journal.events(first.id):
        store.journal.append(event)
        if event.type == "node.started" and event.node == "b":
            break  # killed here: nobody knows what became of a, b
    await whole.close()
    run = await shop.agent(store, THREE, budget=Budget(usd=Decimal("0.50"))).resume(first.id)
    began = [e.node for e in await store.journal.events(first.id) if e.type == "node.started"]
    assert run.spent.usd == Decimal("0.02") * len(began) > Decimal("0.06")


async def test_seconds_bound_the_whole_life_of_a_run(store: Store) -> None:
    hold = asyncio.Event()

    @tool(effect="read")
    async def wait(n: int) -> int:
        """Wait."""
        await hold.wait()
        return n

    @tool(effect="read", timeout_s=60)
    async def slow(n: int) -> int:
        """May take a minute."""
        return n

    plan = "a = wait(n=1)\nanswer(f'{a}')"
    options: dict[str, Any] = {"model": "test:", "tools": [wait, slow], "store": store}
    agent = Agent(**options, planner=Fixed(plan), budget=Budget(seconds=0.2))
    pause = await paused(agent)
    assert isinstance(pause, BudgetReached) and pause.dimension == "seconds"
    hold.set()
    larger = replace(agent, budget=Budget(seconds=30))
    assert (await larger.resume(pause.run_id or "")).answer == "1"
    late = replace(agent, planner=Fixed("b = slow(n=1)\nanswer(f'{b}')"), budget=Budget(seconds=30))
    pause = await paused(late)
    assert "does not allow the call of b, which may take 60 seconds" in str(pause)


async def test_an_agent_tells_the_worst_case_of_a_plan() -> None:
    agent = Shop().agent("memory", THREE)
    plan, problems = await agent.plan("Look.")
    worst = await agent.worst_case(plan)
    assert not problems
    assert worst.known["usd"] == Decimal("0.06") and worst.known["calls"] == 3
    assert worst.unknown["seconds"] == ("a", "b", "c")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"usd": 0.5}, "as a Decimal, an int or a text; found 0.5"),
        ({"usd": "much"}, "as money; found 'much'"),
        ({"tokens": 0}, r"Budget\(tokens=…\) is more than 0; found 0"),
        ({"when_over": "wait"}, "expected when_over as one of refuse, ask, go; found 'wait'"),
    ],
)
async def test_a_budget_that_is_none_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Budget(**given)


async def test_a_run_that_a_tool_begins_with_its_model_is_within_the_budget(store: Store) -> None:
    @tool(effect="read", cost=Cost(usd=Decimal(0)))
    async def delegate(task: str, context: Context) -> str:
        """Hands a task to an agent of its own."""
        helper = Agent(model=context.model, store=store)
        return (await helper.run(task)).answer

    planner = Fixed("a = delegate(task='Look.')\nanswer(f'{a}')")
    agent = Agent(
        model=ScriptedModel(replies=["answer('seen')"], profile=PROFILE),
        planner=planner,
        tools=[delegate],
        store=store,
        budget=Budget(tokens=10),
        new_id=lambda: "r",
    )
    assert (await paused(agent)).run_id == "r"
    run = await replace(agent, budget=None, new_id=lambda: "s").run("Look.")
    assert run.answer == "seen"
