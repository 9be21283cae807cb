"""Budgets while a run goes on: what is reserved, settled, waited for, and kept over resumes."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit import Budget
from agentkit.budget import Dimension, amounts
from agentkit.plan.graph import Plan
from agentkit.plan.worst import worst_case

from .priced import FREE_TOKENS, Played, Till, calls_of, plans, tools

budgets = st.builds(
    Budget,
    usd=st.none() | st.integers(1, 80).map(lambda cents: Decimal(cents) / 100),
    tokens=st.none() | st.integers(1, 900),
    calls=st.none() | st.integers(1, 12),
)


@given(plans())
def test_the_worst_case_bounds_what_runs(plan: Plan) -> None:
    worst = worst_case(plan, tools(Till()), usd_per_token=FREE_TOKENS)
    played = Played(plan)
    played.play(None)
    spent, till = played.state.spent, played.till
    assert worst.unknown == {}
    assert (spent.usd, spent.tokens, spent.calls) == (till.usd, till.tokens, till.calls)
    for dimension, amount in amounts(spent).items():
        assert amount <= worst.known[dimension], dimension
    assert spent.seconds == played.seconds


@given(plans(), budgets)
def test_parallel_nodes_never_overshoot_and_nothing_that_fits_waits(
    plan: Plan, budget: Budget
) -> None:
    played = Played(plan)
    played.play(budget)
    till = played.till
    bounds = amounts(budget)
    really: dict[Dimension, Decimal] = {
        "usd": till.usd,
        "tokens": Decimal(till.tokens),
        "calls": Decimal(till.calls),
    }
    for dimension, most in bounds.items():
        assert really[dimension] <= most
        assert amounts(played.state.spent)[dimension] == really[dimension]
    worst = worst_case(plan, tools(Till()), usd_per_token=FREE_TOKENS)
    if all(worst.known[dimension] <= most for dimension, most in bounds.items()):
        assert played.error is None
    if played.error is not None:
        assert played.error.wanted > bounds[played.error.dimension]


@settings(max_examples=60)
@given(plans(), budgets)
def test_a_larger_budget_lets_it_go_on_and_nothing_is_done_twice(
    plan: Plan, budget: Budget
) -> None:
    played = Played(plan)
    played.play(budget)
    while played.error is not None:
        before = played.state.spent
        bounds = {**amounts(budget), played.error.dimension: played.error.wanted}
        budget = Budget(**{name: amount for name, amount in bounds.items()})  # type: ignore[arg-type]
        played.play(budget)
        after = amounts(played.state.spent)
        assert all(after[name] >= amount for name, amount in amounts(before).items())
    whole = Played(plan)
    whole.play(None)
    assert Counter(calls_of(played.events)) == Counter(calls_of(whole.events))
    assert played.till.usd == whole.till.usd == played.state.spent.usd
    assert sorted(played.till.made) == sorted(whole.till.made)
