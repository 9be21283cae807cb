"""Whatever came from outside is told again as it was: tools, models, memories, budgets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, Budget, Cost, Limits, UsageError, tool
from agentkit.decisions import Decision, Question, approve
from agentkit.errors import Diverged, LimitReached, ModelError, RunError, RunPaused
from agentkit.events import event_to_json
from agentkit.memory import Conversation
from agentkit.messages import Message, Profile, Request, ToolCall
from agentkit.models import complete
from agentkit.store import Store
from agentkit.testing import Answer, Scripted, ScriptedModel, assert_replays, load_run, save_run
from agentkit.tool import Context
from tests.replay.runs import PLAN, look, scripted

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Pair:
    """What a call of a batch is given."""

    n: int


def elsewhere(calls: list[str], hold: threading.Event) -> list[Any]:
    """Tools that run in threads, in a batch, from the cache, too long, and one that gives up."""

    @tool(effect="pure", cache=True)
    def cached(n: int) -> int:
        """In a thread, kept."""
        calls.append("cached")
        return n

    @tool(effect="pure", batch=4)
    def together(pairs: list[Pair]) -> list[int]:
        """In a batch."""
        calls.append("together")
        return [pair.n * 2 for pair in pairs]

    @tool(effect="read", timeout_s=0.05)
    def stuck(n: int) -> int:
        """Too slow."""
        calls.append("stuck")
        hold.wait(60)
        return n

    @tool(effect="read")
    async def picky(n: int) -> int:
        """It cancels itself."""
        raise asyncio.CancelledError("not today")

    return [cached, together, stuck, picky]


async def test_what_runs_in_threads_and_batches_and_from_the_cache_is_told_again(
    store: Store,
) -> None:
    calls: list[str] = []
    hold = threading.Event()
    plan = (
        "a = cached(n=1)\nb = [together(n=x) for x in [1, 2, 3]]\nc = stuck(n=1)\nd = picky(n=1)\n"
        "e = cached(n=a)\nanswer(using=[a, b, c, d, e])"
    )
    agent = scripted(store, plan, "", "Done.", tools=elsewhere(calls, hold))
    run = await agent.run("Do it.")
    hold.set()
    assert run.outcomes["c"].failure is not None
    assert run.outcomes["e"].attempts == 0
    before = [*calls]
    await agent.replay(run.id)
    assert calls == before


async def test_calls_of_the_model_by_tools_are_not_made_again(store: Store) -> None:
    @tool(effect="read")
    async def think(n: int, context: Context) -> str:
        """Ask the model."""
        request = Request(messages=(Message("user", f"What of {n}?"),), purpose="plan")
        return (await complete(context.model, request)).text

    model = ScriptedModel(replies=['plan = think(n=1)\nanswer(f"{plan}")', "So."])
    agent = Agent(model=model, tools=[think], store=store)
    run = await agent.run("Ask.")
    assert run.answer == "So."
    await agent.replay(run.id)
    assert len(model.requests) == 2


async def test_native_tool_calls_of_a_model_are_kept(store: Store) -> None:
    first = Scripted(calls=(ToolCall("1", "look", '{"n": 1}'), ToolCall("2", "look", '{"n": 5}')))
    agent = scripted(store, first, "They are 2 and 6.", planner="tool_calls")
    run = await agent.run("Look twice.")
    assert run.answer == "They are 2 and 6."
    answered = [e for e in await agent.events(run.id) if e.type == "model.answered"]
    assert [call["name"] for call in answered[0].data["calls"]] == ["look", "look"]
    await agent.replay(run.id)


async def test_what_calls_have_cost_and_a_budget_that_was_reached_are_told_again(
    store: Store,
) -> None:
    @tool(effect="read", cost=Cost(usd=Decimal("0.03")))
    async def dear(n: int) -> int:
        """It costs what it says."""
        return n

    @tool(effect="read")
    async def cheap(n: int, context: Context) -> int:
        """It says later what it cost."""
        context.spend(usd=Decimal("0.01"))
        return n

    plan = "a = cheap(n=1)\nb = dear(n=a)\nc = dear(n=b)\nanswer(f'{c}')"
    budget = Budget(usd=Decimal("0.05"), when_over="go")
    agent = scripted(store, plan, tools=[dear, cheap], budget=budget)
    with pytest.raises(RunPaused):
        await agent.run("Spend.")
    (run,) = await store.journal.runs()
    assert (await agent.replay(run.run)).parts == 1
    assert any(event.data.get("cost") for event in await agent.events(run.run))
    rich = replace(agent, budget=Budget(usd=Decimal(1)))
    assert (await rich.resume(run.run)).answer == "1"
    assert (await rich.replay(run.run)).parts == 2


async def test_a_plan_that_a_budget_asked_about_is_told_again(store: Store) -> None:
    @tool(effect="read", cost=Cost(usd=Decimal("0.03")))
    async def dear(n: int) -> int:
        """It costs more than there is."""
        return n

    async def person(questions: Sequence[Question]) -> Sequence[Decision]:
        return [approve(question) for question in questions]

    budget = Budget(usd=Decimal("0.05"), when_over="ask")
    plan = "a = dear(n=1)\nb = [dear(n=x) for x in [1]]\nc = dear(n=a)\nanswer(f'{a}')"
    agent = scripted(store, plan, tools=[dear], budget=budget, approver=person)
    with pytest.raises(RunPaused):
        await agent.run("Spend.")
    (run,) = await store.journal.runs()
    asked = [event.node for event in await agent.events(run.run) if event.type == "node.asked"]
    assert asked == ["run/budget"]
    await agent.replay(run.run)


@pytest.mark.parametrize(
    "reply",
    [
        ModelError("overloaded", retryable=True),
        RuntimeError("a bug"),
        Scripted("a = look(n=1)\nb = lo", cut_after=5, error=ModelError("the line went dead")),
        Scripted("a = look(n=1)\nb = look(n=2)\n", cut_after=5),
        Scripted("a = look(n=1)\n# and so on ", endless=True),
    ],
    ids=["error", "bug", "broken", "cut", "endless"],
)
async def test_how_a_model_failed_is_told_again(store: Store, reply: Answer) -> None:
    agent = scripted(store, reply, "", "", "Well.")
    try:
        await agent.run("Look.")
    except (RunError, RuntimeError):
        pass
    (run,) = await store.journal.runs()
    assert (await agent.replay(run.run)).parts == 1


async def test_a_run_that_ran_out_of_time_or_of_nodes_replays(store: Store) -> None:
    @tool(effect="read")
    async def forever(n: int) -> int:
        """It does not end."""
        return await asyncio.get_running_loop().create_future()

    for limits, plan in (
        (Limits(seconds=0.05), "a = forever(n=1)\nanswer(f'{a}')"),
        (Limits(nodes=2), PLAN),
    ):
        agent = scripted(store, plan, tools=[look, forever], limits=limits)
        with pytest.raises(LimitReached) as caught:
            await agent.run("Look.")
        await agent.replay(caught.value.run_id or "")


async def test_what_memories_gave_is_kept_with_the_run(store: Store) -> None:
    memory = [Conversation(store.journal)]
    texts = ['answer("Hello Ida.")', 'answer("Ida.")', 'answer("No.")']
    agent = scripted(store, *texts, memory=memory)
    await agent.run("My name is Ida.", session="s")
    second = await agent.run("What is my name?", session="s")
    await agent.run("Is it Bob?", session="s")  # the memory says more by now
    assert (await agent.replay(second.id)).events == len(await agent.events(second.id)) - 1
    kept = await memory[0].recall("", session="s")
    assert len(kept.history) == 6


async def test_a_typed_answer_and_its_second_try_replay(store: Store) -> None:
    agent = scripted(store, "a = look(n=1)\nanswer(using=[a])", '"none"', "2", output=int)
    run = await agent.run("Look.")
    assert run.output == 2
    await agent.replay(run.id)


async def test_a_small_model_that_writes_under_a_grammar_replays(store: Store) -> None:
    small = Profile(guided=True, grammar=True, prefill=True)
    said = ["a = look(n=1)\n", "answer(using=[a])\n", "It is 2.", "2", "", ""]

    def reply(request: Request) -> str:
        return said.pop(0) if said else ""

    model = ScriptedModel(replies=reply, profile=small)
    agent = Agent(model=model, tools=[look], store=store)
    try:
        await agent.run("Look.")
    except Exception:  # noqa: BLE001 - however it ended, it replays
        pass
    (run,) = await store.journal.runs()
    await agent.replay(run.run)


async def test_a_journal_of_before_calls_were_counted_replays(store: Store) -> None:
    agent = scripted(store, PLAN, "")
    events = await agent.events((await agent.run("Look.")).id)
    names = {e.node: f"plan/model_{e.seq}" for e in events if e.type == "model.called"}
    old = [replace(event, node=names.get(event.node, event.node)) for event in events]
    await agent.replay(old)


async def test_a_journal_of_before_questions_had_a_type_replays(store: Store) -> None:
    async def person(questions: Sequence[Question]) -> Sequence[Decision]:
        return [approve(question, args={"n": 2}) for question in questions]

    agent = scripted(store, PLAN, "", approve=["look"], approver=person)
    events = await agent.events((await agent.run("Look.")).id)
    asked = [event for event in events if event.type == "node.asked"]
    assert asked and all(event.data["accepts"] for event in asked)
    old = [
        replace(event, data={k: v for k, v in event.data.items() if k != "accepts"})
        for event in events
    ]
    await agent.replay(old)


async def test_a_stored_run_becomes_a_test(store: Store, tmp_path: Path) -> None:
    @tool(effect="pure")
    async def long(n: int) -> str:
        """More than an event holds."""
        return "long " * 1000

    agent = scripted(store, "a = long(n=1)\nanswer(f'{a}')", "", tools=[long])
    run = await agent.run("Be long.")
    file = tmp_path / "long.jsonl"
    save_run(await agent.events(run.id), file)
    assert [event_to_json(e) for e in load_run(file)] == [
        event_to_json(e) for e in await agent.events(run.id)
    ]
    elsewhere = replace(agent, store="memory")
    assert assert_replays(elsewhere, file).events > 5
    text = file.read_text().replace('"source": "a = long(n=1)"', '"source": "a = long(n=2)"')
    file.write_text(text)
    with pytest.raises(Diverged, match="plan.patched source"):
        assert_replays(elsewhere, file)


@pytest.mark.parametrize("text", ["", "{}\n", "no JSON", '{"run": 1}'])
def test_a_file_that_holds_no_run_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "run.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError, match="save"):
        load_run(file)


async def test_no_run_and_no_events_are_refused(store: Store) -> None:
    agent = scripted(store)
    with pytest.raises(UsageError, match="there is no run 'nil'"):
        await agent.replay("nil")
    with pytest.raises(UsageError, match="got none"):
        await agent.replay([])
