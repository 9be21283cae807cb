"""Planning after a failure, after a refusal, after `observe`; and the same when it is resumed."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from agentkit import Agent, ToolError, tool
from agentkit.engine.limits import Limits
from agentkit.errors import ModelError, PlanRefused
from agentkit.events import Event
from agentkit.journal.memory import MemoryJournal
from agentkit.planners import Fixed
from agentkit.store import Store
from agentkit.testing import ScriptedModel

pytestmark = pytest.mark.anyio


@tool(effect="pure")
def double(n: int) -> int:
    """Twice the number."""
    return 2 * n


@tool(effect="read")
def broken(reason: str) -> int:
    """Always fails."""
    raise ToolError(f"it broke: {reason}")


FAILS = 'a = broken(reason="rust")\nb = double(n=4)\nanswer(using=[a, b])'
DOWN = ModelError("the model is down")


def agent(*replies: str | Exception, **options: Any) -> tuple[Agent[Any], ScriptedModel]:
    model = ScriptedModel(replies=replies)
    given: dict[str, Any] = {"tools": [double, broken], "store": "memory", **options}
    return Agent(model=model, **given), model


def purposes(model: ScriptedModel) -> list[str]:
    return [request.purpose for request in model.requests]


def told(model: ScriptedModel) -> str:
    return model.requests[-1].messages[-1].content


async def only_run(store: Store) -> str:
    (summary,) = await store.journal.runs()
    return summary.run


async def test_a_patch_takes_the_place_of_what_failed() -> None:
    asked, model = agent(FAILS, "c = double(n=21)\nanswer(using=[b, c])", "42 [c].")
    run = await asked.run("Double.")
    assert (run.answer, run.cites) == ("42 [c].", ("c",))
    assert [*run.failures] == ["a"] and run.outcomes["b"].value == 8
    assert purposes(model) == ["plan", "plan", "answer"]
    standing = model.requests[1].messages[-1].content
    assert "a = broken(reason='rust')" in standing and "ToolError: it broke: rust" in standing
    assert "under new names, and a new answer" in standing


async def test_a_planner_that_writes_nothing_lets_the_answer_tell_what_is_missing() -> None:
    asked, model = agent(FAILS, "", "Only 8 [b].")
    run = await asked.run("Double.")
    assert (run.answer, run.cites) == ("Only 8 [b].", ("b",))
    assert "it broke: rust" in told(model)


async def test_each_failure_is_told_once_and_new_ones_again() -> None:
    asked, model = agent(FAILS, 'c = broken(reason="dust")\nanswer(using=[b, c])', "", "8 [b].")
    run = await asked.run("Double.")
    assert sorted(run.failures) == ["a", "c"]
    assert purposes(model) == ["plan", "plan", "plan", "answer"]


async def test_a_program_without_an_end_is_gone_on_with() -> None:
    asked, model = agent("a = double(n=1)\n", "b = double(n=a)\n", 'answer(f"{b}")')
    assert (await asked.run("Quadruple 1.")).answer == "4"
    assert "Go on with the program behind its last line" in told(model)


async def test_observe_hands_over_results_and_failures_but_not_a_maps_elements() -> None:
    asked, model = agent(
        'ns = [double(n=n) for n in [1, 2, 3]]\na = broken(reason="rust")\nobserve(ns, a)\n'
        "never = double(n=99)",
        'answer(f"{ns}")',
    )
    run = await asked.run("Double.")
    assert run.answer == "[2, 4, 6]" and "never" not in run.plan.nodes
    assert '<data of="ns" type="list[int]">\n- 2\n- 4\n- 6\n</data>' in told(model)
    assert "ToolError: it broke: rust" in told(model) and "ns[0]" not in told(model)


@pytest.mark.parametrize("replans", [0, 1, 3])
async def test_replans_are_limited(replans: int) -> None:
    number = itertools.count()
    model = ScriptedModel(
        replies=lambda request: (
            f"n{(k := next(number))} = double(n={k})\nobserve(n{k})\n"
            if request.purpose == "plan"
            else "Enough."
        )
    )
    limits = Limits(replans=replans)
    run = await Agent(model=model, tools=[double], store="memory", limits=limits).run("Go on.")
    assert run.answer == "Enough."
    assert purposes(model) == ["plan"] * (1 + replans) + ["answer"]


@pytest.mark.parametrize("repairs", [0, 1, 2])
async def test_repairs_are_limited(repairs: int) -> None:
    asked, model = agent(*["a = doubel(n=4)\n"] * 5, limits=Limits(repairs=repairs))
    with pytest.raises(PlanRefused, match="did you mean 'double'"):
        await asked.run("Double 4.")
    assert purposes(model) == ["plan"] * (1 + repairs)


async def test_repairs_do_not_count_as_replans() -> None:
    limits = Limits(repairs=1, replans=1)
    asked, model = agent(
        "a = doubel(n=1)\n", "a = double(n=1)\nobserve(a)\n", 'answer(f"{a}")', limits=limits
    )
    assert (await asked.run("Double 1.")).answer == "2"
    assert purposes(model) == ["plan"] * 3


async def test_a_resumed_run_has_no_more_repairs_than_one_that_went_on(store: Store) -> None:
    asked, model = agent("a = doubel(n=4)\n", DOWN, store=store)
    with pytest.raises(ModelError, match="down"):
        await asked.run("Double 4.")
    asked, model = agent("b = doubel(n=4)\n", store=store)
    with pytest.raises(PlanRefused):
        await asked.resume(await only_run(store))
    assert purposes(model) == ["plan"] and "doubel" in told(model)
    asked, model = agent(store=store)
    with pytest.raises(PlanRefused, match="doubel"):
        await asked.resume(await only_run(store))
    assert model.requests == []
    asked, _ = agent('a = double(n=4)\nanswer(f"{a}")', store=store, limits=Limits(repairs=2))
    assert (await asked.resume(await only_run(store))).answer == "8"


async def test_a_resumed_planner_is_not_told_again_of_what_it_knows(store: Store) -> None:
    asked, _ = agent(FAILS, "", DOWN, store=store)
    with pytest.raises(ModelError, match="down"):
        await asked.run("Double.")
    asked, model = agent("Only 8 [b].", store=store)
    assert (await asked.resume(await only_run(store))).answer == "Only 8 [b]."
    assert purposes(model) == ["answer"]


SCRIPT = (
    'a = broken(reason="rust")\nb = double(n=4)\nobserve(b)\n',
    "c = doubel(n=b)\n",
    "c = double(n=b)\n",
    'd = broken(reason="dust")\nanswer(using=[c, d])',
    "e = double(n=c)\nanswer(using=[e])",
    "It is 32 [e].",
)


async def test_a_run_cut_after_any_event_ends_as_the_whole_one(store: Store) -> None:
    """Every call of the model that was answered counts: nothing is asked twice or left out."""
    asked, _ = agent(*SCRIPT, store=store)
    whole = await asked.run("Double and double.")
    events = await store.journal.events(whole.id)
    for cut in range(1, len(events)):
        kept = events[:cut]
        left = SCRIPT[turns_taken(kept) :]
        asked, model = agent(*left, store=await copied(store, kept))
        run = await asked.resume(whole.id)
        assert (run.answer, run.cites, [*run.plan.nodes]) == (
            whole.answer, whole.cites, [*whole.plan.nodes],
        ), kept[-1]  # fmt: skip
        assert len(model.requests) == len(left), kept[-1]


def turns_taken(events: list[Event] | Any) -> int:
    return sum(event.type == "plan.turn" for event in events)


async def copied(store: Store, events: Any) -> Store:
    """A store that has these events and no more."""
    journal = MemoryJournal()
    for event in events:
        journal.append(event)
    return Store(folder=store.folder, journal=journal, artifacts=store.artifacts)


@pytest.mark.parametrize("mended", ["", "# I can not"])
async def test_a_planner_that_mends_nothing_is_refused_and_nothing_is_answered(mended: str) -> None:
    model = ScriptedModel(replies=["x = unknown()", mended, mended, mended])
    with pytest.raises(PlanRefused, match="unknown"):
        await Agent(model=model, tools=[], store="memory").run("Any.")


async def test_a_plan_of_ones_own_that_is_refused_is_not_answered_without_it() -> None:
    agent = Agent(model="test:", planner=Fixed("x = unknown()\nanswer('done')"), store="memory")
    with pytest.raises(PlanRefused, match="unknown"):
        await agent.run("Any.")
