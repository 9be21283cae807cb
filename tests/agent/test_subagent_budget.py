"""What agents within agents spend, and what is left of a run that dies anywhere within them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from agentkit import Agent, Budget, Cost, tool
from agentkit.decide import approve
from agentkit.decisions import Decision, Question
from agentkit.decisions import approve as allowed
from agentkit.errors import BudgetReached
from agentkit.fold import fold
from agentkit.planners import Fixed
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from agentkit.testing.faults import Fault, FaultKind, check_trial, faults, trial
from tests.agent.teams import (
    OR_NOT,
    Post,
    boss,
    inner_runs,
    paused,
    replays,
)  # fmt: skip

pytestmark = pytest.mark.anyio


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


class Ledgers:
    """Letters by their key, as who posts them sees it."""

    def __init__(self) -> None:
        self.posted: Counter[str] = Counter()

        @tool(effect="once")
        async def post(to: str) -> str:
            """Post a letter."""
            self.posted[to] += 1
            return f"posted to {to}"

        @tool(effect="read", approve=True)
        async def ask(to: str) -> str:
            """Ask somebody."""
            return to

        plan = 'a = ask(to="Ann")\np = post(to=a)\nq = post(to="Bob")\nanswer(f"{p}, {q}")'
        model = ScriptedModel(replies=lambda _: "said")
        self.clerk = Agent(name="clerk", model=model, tools=[post, ask], planner=Fixed(plan))


STOPS: tuple[FaultKind, ...] = ("fail", "duplicate", "kill")
"""At records that there may not be; one that is damaged has to be there."""


async def yes(questions: Sequence[Question]) -> Sequence[Decision]:
    """Somebody who allows everything."""
    return [allowed(one) for one in questions]


async def test_no_fault_anywhere_makes_an_agent_do_a_thing_twice() -> None:
    """Each record of both journals, each kind of fault: what is in doubt is not done again."""
    well = await trial(boss("memory", Ledgers().clerk, approver=yes), "Send.")
    assert well.run is not None and well.run.answer == "posted to Ann, posted to Bob!"
    records = range(len(well.events) + 1, 3 * len(well.events))  # those of the agent's run as well
    more = [Fault(kind=kind, record=record) for record in records for kind in STOPS]
    killed = 0
    for fault in (*faults(well.events), *more):
        each = Ledgers()
        found = await trial(boss("memory", each.clerk, approver=yes), "Send.", fault)
        check_trial(found)
        assert max(each.posted.values(), default=0) <= 1, fault
        killed += found.resumed and each.posted == {"Ann": 1, "Bob": 1}
    assert killed > 20
