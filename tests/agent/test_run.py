"""From a task to an answer, through the public API, with a scripted model."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, RunError, ToolError, UsageError, open_store, tool
from agentkit.errors import PlanRefused, StoreError
from agentkit.plan.graph import Patch
from agentkit.plan.problem import Problem
from agentkit.planners import Fixed
from agentkit.protocols import Brief, Recalled
from agentkit.store import Store
from agentkit.testing import ScriptedModel

pytestmark = pytest.mark.anyio


@tool(effect="pure")
def double(n: int) -> int:
    """Twice the number."""
    return 2 * n


@tool(effect="pure")
def numbers(count: int) -> list[int]:
    """The first numbers from 1 on."""
    return list(range(1, count + 1))


@tool(effect="read")
def broken(reason: str) -> str:
    """Always fails."""
    raise ToolError(f"it broke: {reason}")


@asynccontextmanager
async def opened() -> AsyncGenerator[Store]:
    """A store that several agents of one test share."""
    store = open_store("memory")
    try:
        yield store
    finally:
        await store.close()


def agent(*replies: str, **options: Any) -> Agent[Any]:
    """An agent whose model says these texts, one a call."""
    given: Mapping[str, Any] = {"tools": [double, numbers, broken], "store": "memory", **options}
    return Agent(model=ScriptedModel(replies=replies), **given)


async def test_an_answer_without_a_model_is_the_text_of_the_plan() -> None:
    run = await agent('a = double(n=4)\nb = double(n=a)\nanswer(f"b is {b}")').run("Quadruple 4.")
    assert run.answer == "b is 16"
    assert run.cites == ("b",)
    assert [end.value for end in run.outcomes.values()] == [8, 16]


async def test_a_synthesized_answer_is_written_from_the_results() -> None:
    model = ScriptedModel(replies=["a = double(n=4)\nanswer(using=[a])", "It is 8 [a]."])
    run = await Agent(model=model, tools=[double], store="memory").run("Double 4.")
    assert run.answer.startswith("It is 8")
    assert run.cites == ("a",)
    assert "8" in model.requests[1].messages[-1].content


async def test_a_map_runs_once_per_element_decided_at_run_time() -> None:
    run = await agent(
        'ns = numbers(count=4)\nds = [double(n=n) for n in ns if n > 1]\nanswer(f"{ds}")'
    ).run("Double them.")
    assert run.outcomes["ds"].value == [4, 6, 8]


async def test_a_guard_skips_what_it_holds_back_and_the_answer_still_comes() -> None:
    run = await agent('a = double(n=4)\nif a > 100:\n    b = double(n=a)\nanswer(f"a is {a}")').run(
        "Double 4."
    )
    assert run.answer == "a is 8"
    assert run.outcomes["b"].status == "skipped"


async def test_refused_statements_go_back_with_located_errors_and_are_mended() -> None:
    model = ScriptedModel(
        replies=['a = doubel(n=4)\nanswer(f"{a}")', 'a = double(n=4)\nanswer(f"{a}")']
    )
    run = await Agent(model=model, tools=[double], store="memory").run("Double 4.")
    assert run.answer == "8"
    told = model.requests[1].messages[-1].content
    assert "1:5" in told and "doubel" in told and "double" in told


async def test_a_plan_that_stays_wrong_is_refused_with_every_problem() -> None:
    with pytest.raises(PlanRefused, match=r"unknown_tool.*did you mean 'double'"):
        await agent(*["a = doubel(n=4)\nanswer(using=[a])"] * 4).run("Double 4.")


async def test_observed_results_reach_the_planner_before_it_goes_on() -> None:
    model = ScriptedModel(
        replies=["a = double(n=4)\nobserve(a)", 'b = double(n=8)\nanswer(f"{b}")']
    )
    run = await Agent(model=model, tools=[double], store="memory").run("Double 4 twice.")
    assert run.answer == "16"
    assert "8" in model.requests[1].messages[-1].content


async def test_a_failure_goes_back_to_the_planner_and_siblings_keep_their_results() -> None:
    model = ScriptedModel(
        replies=[
            'a = broken(reason="rust")\nb = double(n=4)\nanswer(using=[a, b])',
            'answer(f"only b: {b}")',
        ]
    )
    run = await Agent(model=model, tools=[double, broken], store="memory").run("Try both.")
    assert run.answer == "only b: 8"
    assert run.failures["a"].failure is not None
    assert "rust" in model.requests[1].messages[-1].content


async def test_a_run_with_nothing_left_says_what_failed() -> None:
    with pytest.raises(RunError, match="it broke: rust"):
        await agent('a = broken(reason="rust")\nanswer(using=[a])', "").run("Try.")


@dataclass
class Report:
    """A typed answer."""

    total: int
    note: str


async def test_a_typed_answer_is_validated_and_given_as_its_type() -> None:
    model = ScriptedModel(
        replies=["a = double(n=4)\nanswer(using=[a])", '{"total": 8, "note": "fine"}']
    )
    run = await Agent(model=model, tools=[double], output=Report, store="memory").run("Report.")
    assert run.output == Report(8, "fine")


async def test_a_plain_function_is_a_tool() -> None:
    def shout(text: str) -> str:
        """The text in capitals."""
        return text.upper()

    model = ScriptedModel(replies=['a = shout(text="hi")\nanswer(f"{a}")'])
    run = await Agent(model=model, tools=[shout], store="memory").run("Shout hi.")
    assert run.answer == "HI"


async def test_inputs_are_names_of_the_plan(tmp_path: Path) -> None:
    run = await agent('a = double(n=many)\nanswer(f"{a}")').run("Double.", inputs={"many": 21})
    assert run.answer == "42"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"call": Path("nowhere.wav")}, "there is no file nowhere.wav"),
        ({"not a name": 1}, "plain identifier"),
        ({"thing": object()}, "must be JSON data"),
        ({"n": [{"deep": 10**4300}]}, "input 'n': expected integers of at most 4300 digits"),
        ({"n": [{"deep": math.inf}]}, "input 'n': expected numbers that JSON has"),
    ],
)
async def test_wrong_inputs_are_refused_before_anything_runs(
    inputs: Mapping[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        await agent("answer('x')").run("Any.", inputs=inputs)


@tool(effect="pure")
def power(tens: int) -> int:
    """A power of ten, below 0."""
    return -(10**tens)


@tool(effect="pure")
def powers(tens: int) -> dict[str, list[int]]:
    """The same, further inside."""
    return {"found": [1, 10**tens]}


@tool(effect="pure")
def mean(of: list[float]) -> float:
    """Of nothing there is none."""
    return sum(of) / len(of) if of else math.nan


@tool(effect="pure")
def most(of: list[float]) -> dict[str, list[float]]:
    """Of nothing there is none."""
    return {"found": [0.5, max(of, default=-math.inf)]}


async def test_a_number_that_a_journal_would_not_give_back_is_refused(tmp_path: Path) -> None:
    plan = "fits = power(tens=4299)\nlong = power(tens=4300)\nmore = powers(tens=4300)\n"
    plan += "nan = mean(of=[])\ninf = most(of=[])\nanswer('-')"
    store = open_store(tmp_path)
    tools = [power, powers, mean, most]
    maker = Agent(model=ScriptedModel(), planner=Fixed(plan), tools=tools, store=store)
    run = await maker.run("Any.")
    assert run.outcomes["fits"].value == -(10**4299)
    long, none = "integers of at most 4300 digits", "numbers that JSON has"
    for node, name, said in (
        ("long", "power", long),
        ("more", "powers", long),
        ("nan", "mean", none),
        ("inf", "most", none),
    ):
        failure = run.outcomes[node].failure
        assert failure is not None and failure.kind == "WrongType"
        assert f"{name}: result: expected {said}" in failure.message
    await store.close()
    again = open_store(tmp_path)
    assert (await again.journal.events(run.id))[-1].type == "run.ended"
    await again.close()


def test_run_sync_works_without_a_loop() -> None:
    assert agent('a = double(n=1)\nanswer(f"{a}")').run_sync("Double 1.").answer == "2"


async def test_run_sync_works_inside_a_running_loop() -> None:
    assert agent('a = double(n=1)\nanswer(f"{a}")').run_sync("Double 1.").answer == "2"


async def test_the_stream_is_the_tail_of_the_journal() -> None:
    async with opened() as store:
        asked = agent('a = double(n=1)\nanswer(f"{a}")', store=store)
        seen = [event async for event in asked.stream("Double 1.")]
        kept = [event for event in seen if event.seq]
        assert kept == list(await store.journal.events(seen[0].run))
        assert seen[-1].type == "run.ended"


async def test_a_plan_can_be_drafted_without_running_anything() -> None:
    plan, problems = await agent('a = broken(reason="x")\nanswer(using=[a])').plan("Try.")
    assert [*plan.nodes] == ["a"] and not problems


async def resumed(store: Store, run: str) -> str:
    """The answer of a resumed run whose model is never asked again."""
    return (await agent(store=store).resume(run)).answer


async def test_an_answered_run_is_given_back_as_it_ended() -> None:
    async with opened() as store:
        first = await agent('a = double(n=1)\nanswer(f"{a}")', store=store).run("Double 1.")
        assert await resumed(store, first.id) == first.answer


class Notebook:
    """A memory; a full one keeps nothing."""

    def __init__(self, full: Exception | None = None) -> None:
        self.full = full
        self.kept: list[str] = []

    async def recall(self, task: str, *, session: str | None) -> Recalled:
        return Recalled()

    async def store(self, task: str, *, session: str | None, plan: str, answer: str) -> None:
        if self.full is not None:
            raise self.full
        self.kept.append(answer)


@pytest.mark.parametrize("error", [OSError("no page left"), StoreError("no page left")])
async def test_a_memory_that_fails_is_told_and_costs_neither_answer_nor_other_memories(
    error: Exception,
) -> None:
    full, other = Notebook(error), Notebook()
    async with opened() as store:
        plan = 'a = double(n=1)\nanswer(f"{a}")'
        with pytest.raises(RunError, match="is answered .* not kept in memory: .* no page") as told:
            await agent(plan, store=store, memory=[full, other]).run("Double 1.")
        assert isinstance(told.value, StoreError) is isinstance(error, StoreError)
        assert await resumed(store, told.value.run_id or "") == "2"
    assert other.kept == ["2"]


async def test_a_resumed_planner_is_not_told_again_of_failures_that_it_knows() -> None:
    async with opened() as store:
        plan = 'a = broken(reason="rust")\nb = double(n=4)\nanswer(using=[a, b])'
        with pytest.raises(RunError) as cut:
            await agent(plan, "answer(using=[b])", store=store).run("Try both.")
        model = ScriptedModel(replies=["It is 8 [b]."])
        again = Agent(model=model, tools=[double, broken], store=store)
        run = await again.resume(cut.value.run_id or "")
    assert run.answer.startswith("It is 8")
    assert [request.purpose for request in model.requests] == ["answer"]


class Slow:
    """A planner that gives up by itself."""

    async def propose(self, brief: Brief) -> AsyncGenerator[Patch | Problem, None]:
        raise TimeoutError("no plan came")
        yield Patch()


async def test_a_timeout_that_is_not_the_runs_is_not_told_as_its_limit() -> None:
    with pytest.raises(TimeoutError, match="no plan came"):
        await agent(planner=Slow()).run("Wait.")


async def test_a_clock_may_give_whole_seconds(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    plan = "n = 6 * 7\nanswer(f'{n}')"
    whole = Agent(
        model=ScriptedModel(), planner=Fixed(plan), store=store, clock=lambda: 1_700_000_000
    )
    run = await whole.run("Any.")
    assert [event.time for event in await store.journal.events(run.id)][0] == 1_700_000_000
    await store.close()


@pytest.mark.parametrize(
    "options",
    [{"tools": "search"}, {"tools": double}, {"approve": "double"}, {"memory": object()}],
)
def test_one_where_a_list_is_meant_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="expected a list as"):
        Agent(**options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"budget": 3}, r"expected a Budget as budget=; found 3 \(int\)"),
        ({"limits": {"nodes": 3}}, r"expected a Limits as limits=; found {'nodes': 3} \(dict\)"),
        (
            {"instructions": ["Be brief."]},
            r"expected a str as instructions=; found \['Be brief.'\]",
        ),
    ],
)
def test_an_option_of_another_kind_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Agent(**options)


@pytest.mark.parametrize("task", [None, b"Add.", ["Add."]])
def test_a_task_that_is_no_text_is_refused(task: Any) -> None:
    with pytest.raises(UsageError, match="expected a str as the task; found"):
        Agent(model=ScriptedModel(), store="memory").run_sync(task)
