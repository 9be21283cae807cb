"""Agents as tools of others: a run within a run, with one store and one person to ask."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import pytest

from agentkit import Agent, Limits, UsageError, open_store, tool
from agentkit.decide import answer, approve, deny
from agentkit.decisions import Decision, Question
from agentkit.decisions import approve as allowed
from agentkit.errors import RunPaused, StoreError
from agentkit.fold import fold
from agentkit.media import Media
from agentkit.plan.graph import Answer, Call, Compute, Const, Patch, Ref
from agentkit.planners import Fixed
from agentkit.protocols import Brief
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from tests.agent.teams import (
    BOTH,
    EACH,
    HAND,
    OR_NOT,
    SEND_OR_NOT,
    Post,
    boss,
    inner_runs,
    paused,
    replays,
)  # fmt: skip

pytestmark = pytest.mark.anyio


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


@pytest.mark.parametrize(
    ("asks", "said"),
    [
        (True, "waits for approval of s .*an agent that is itself given as a tool"),
        (False, "no room"),
    ],
)
async def test_a_run_that_a_tool_begins_by_itself_stops_alone(
    store: Store, asks: bool, said: str
) -> None:
    @tool(effect="once", approve=asks)
    async def store_it() -> int:
        """Needs room."""
        raise StoreError("no room")

    other = boss("memory", store_it, plan='s = store_it()\nanswer(f"{s}")')

    @tool(effect="once")
    async def clerk(task: str) -> str:
        """Hands the task on."""
        return (await other.run(task)).answer

    agent = boss(store, clerk, *Post().tools, plan=OR_NOT)
    run = await agent.run("Send it.")
    end = run.outcomes["r"]
    assert end.status == "failed" and end.failure is not None
    assert end.failure.kind == "ToolError"
    assert re.match(rf"clerk: run .*, which it began, has stopped: .*{said}", end.failure.message)
    kinds = [event.type for event in await store.journal.events(run.id) if event.node == "r"]
    assert kinds == ["node.started", "effect.intent", "node.ended", "effect.receipt"]
    await replays(agent, run.id)


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


@dataclass(frozen=True)
class Line:
    """A line of an invoice."""

    euros: int


async def test_files_and_records_are_handed_over_as_they_are(tmp_path: Path, store: Store) -> None:
    @tool(effect="pure")
    def size(file: Annotated[bytes, Media("text/plain")]) -> int:
        """Bytes of a file."""
        return len(file)

    plan = "n = size(file=note)\nanswer(f'{n + lines[1].euros}')"
    reader = Agent(name="reader", model=ScriptedModel(), tools=[size], planner=Fixed(plan))
    inputs: dict[str, Any] = {"note": Annotated[bytes, Media("text/plain")], "lines": list[Line]}
    outer = (
        'r = reader(task="Read.", note=note, lines=[{"euros": 1}, {"euros": 2}])\nanswer(f"{r}")'
    )
    agent = boss(store, reader.as_tool(inputs=inputs), plan=outer)
    (tmp_path / "note.txt").write_text("five!")
    run = await agent.run("Read it.", inputs={"note": tmp_path / "note.txt"})
    assert run.answer == "7"
    await replays(agent, run.id)


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


async def test_a_call_in_it_that_somebody_has_made_is_not_made_again(store: Store) -> None:
    post = Post(approve=True)
    clerk = post.clerk(store=store)
    agent = boss(store, clerk)
    run = (await paused(agent)).run_id or ""
    await answer(store.journal, run, "r/s", value="by hand", by="Ida")
    answered = await agent.resume(run)
    assert (answered.answer, post.letters) == ("by hand!", [])
    assert [*answered.outcomes] == ["r"]
    (inner,) = await inner_runs(store)
    end = fold(await store.journal.events(inner)).outcomes["s"]
    assert (end.value, end.attempts) == ("by hand", 0)
    await replays(agent, run)
    await clerk.replay(inner)


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


async def test_a_call_of_it_that_is_replaced_by_an_equal_one_goes_on_with_its_run() -> None:
    store = open_store("memory")  # where reading what the old call has written takes no time
    started = asyncio.Event()
    calls: list[str] = []

    @tool(effect="read")
    async def wait() -> str:
        """The first call never ends by itself."""
        calls.append("wait")
        if len(calls) == 1:
            started.set()
            await asyncio.get_running_loop().create_future()
        return "waited"

    class Twice:
        async def propose(self, brief: Brief) -> AsyncGenerator[Patch, None]:
            said = Compute(id="said", value=Const("Wait."))
            yield Patch(add=(said, Call(id="r", tool="clerk", args={"task": Const("Wait.")})))
            await started.wait()
            again = Call(id="r", tool="clerk", args={"task": Ref("said")})
            yield Patch(replace=(again,), answer=Answer(text=Ref("r")))

    clerk = Post().clerk('w = wait()\nanswer(f"{w}")', tools=[wait])
    agent = boss(store, clerk, planner=Twice())
    run = await agent.run("Wait.")
    assert (run.answer, calls) == ("waited", ["wait", "wait"])
    (inner,) = await inner_runs(store)
    ends = [e.data for e in await store.journal.events(inner) if e.type == "run.ended"]
    assert [data["status"] for data in ends] == ["cancelled", "answered"]
    await replays(agent, run.id)


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
