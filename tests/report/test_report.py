"""A run as one HTML page: every way in which a step may end, in words, links and places."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, Retry, ToolError, open_store, tool
from agentkit.decide import approve
from agentkit.decisions import Decision, Question
from agentkit.decisions import approve as allowed
from agentkit.decisions import deny as refused
from agentkit.errors import PlanRefused, RunPaused
from agentkit.events import Event
from agentkit.media import ImageBytes
from agentkit.plan.graph import Answer, Call, Const, Patch, Plan, Ref
from agentkit.plan.program import parse_program
from agentkit.planners import Fixed
from agentkit.report import Chronicle, Pages, report
from agentkit.report.embed import Embedding
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from tests.agent.test_patches import Turns
from tests.report.page import Page, sound

pytestmark = pytest.mark.anyio
PICTURE = Path(__file__).parents[2] / "examples" / "data" / "voucher.png"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[Store]:
    opened = open_store(tmp_path / "store", sync="process")
    yield opened
    await opened.close()


class World:
    """Tools that fail, wait, ask and draw."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        tries: list[int] = []

        @tool(effect="read", trusted=False)
        async def look(n: int) -> dict[str, int]:
            """Look."""
            if n < 0:
                raise ToolError("no such page")
            return {"n": n}

        @tool(effect="read", retry=Retry(attempts=3, first_s=0.001))
        async def flaky(n: int) -> int:
            """Fail once."""
            tries.append(n)
            if len(tries) == 1:
                raise ToolError("busy", retryable=True)
            return n

        @tool(effect="once", approve=True)
        async def send(to: str) -> str:
            """Send a letter."""
            return f"sent to {to}"

        @tool(effect="pure")
        async def draw(of: str) -> ImageBytes:
            """Draw."""
            return PICTURE.read_bytes()

        @tool(effect="read")
        async def stuck(n: int) -> int:
            """Never end."""
            self.begun.set()
            await asyncio.Event().wait()
            return n

        self.tools: list[Any] = [look, flaky, send, draw, stuck]

    def agent(self, store: Store, *replies: str, **options: Any) -> Agent[Any]:
        model = ScriptedModel(replies=replies)
        return Agent(model=model, tools=self.tools, store=store, **options)


async def pages(store: Store, run: str) -> Page:
    """The report of a run, with those in it; sound in every case."""
    found = await store.journal.runs()
    inner = {one.run: await store.journal.events(one.run) for one in found if one.within}
    events = await store.journal.events(run)
    page = Page(report(events, inner=inner, artifacts=store.artifacts))
    sound(page)
    return page


ALL = """
good = look(n=7)
bad = look(n=-1)
blocked = look(n=bad.n)
late = flaky(n=good.n)
if good.n > 100:
    other = look(n=1)
many = [look(n=x) for x in [good.n, -2, 3]]
card = draw(of=f"{good}")
yes = send(to="Ann")
no = send(to="Bob")
answer(using=[good, late, card])
"""


async def verdicts(questions: Sequence[Question]) -> Sequence[Decision]:
    return [
        allowed(one, args={"to": "Eve"}) if one.args["to"] == "Ann" else refused(one, "not to Bob")
        for one in questions
    ]


async def test_a_step_shows_how_it_ended_and_why(store: Store) -> None:
    text = "Seven **it** is [good, late].\n\n- drawn [card]"
    run = await World().agent(store, ALL, "pass", text, approver=verdicts).run("All of it.")
    page = await pages(store, run.id)
    names = ["good", "bad", "blocked", "late", "if_1", "other", "many", "card", "yes", "no"]
    assert {name: page.status(name) for name in names} == {
        "good": "value", "bad": "failed", "blocked": "skipped", "late": "value", "if_1": "value",
        "other": "skipped", "many": "failed", "card": "value", "yes": "value", "no": "denied",
    }  # fmt: skip

    place = page.step("bad").one("div", class_="body").attributes["id"]
    why = page.step("blocked").one("div", class_="why")
    assert "Why it did not run" in why.words and "Blocked by bad" in why.words
    assert why.one("a").attributes["href"] == f"#{place}"
    assert "It keeps from running: blocked" in page.step("bad").words
    assert "Decided by if_1" in page.step("other").one("div", class_="why").words
    assert "ToolError: busy again after" in page.step("late").one("ol", class_="attempts").words
    assert "not to Bob" in page.step("no").words
    decided = page.step("yes").one("div", class_="decided")
    assert "approve" in decided.words and decided.all("dd")[0].words == "Eve"

    link = page.step("late").one("dl", class_="values").one("a")
    good = page.step("good").one("div", class_="body").attributes["id"]
    assert (link.words, link.attributes["href"]) == ("good", f"#{good}")
    inner = page.step("many[1].look_1")
    assert "no such page" in inner.words and page.status("many[1]") == "skipped"
    assert page.status("many[2].look_1") == "value"


async def test_the_answers_sources_are_numbers_that_jump_to_their_steps(store: Store) -> None:
    text = "Seven **it** is [good, late].\n\n- drawn [card]"
    run = await World().agent(store, ALL, "pass", text, approver=verdicts).run("All of it.")
    page = await pages(store, run.id)
    answer = page.root.one("section", id="answer")
    assert answer.one("strong").words == "it"
    numbers = {link.words: link.attributes["href"] for link in answer.one("p").all("a")}
    steps = [page.step(name).one("div", class_="body").attributes["id"] for name in run.cites]
    assert numbers == {"1": f"#{steps[0]}", "2": f"#{steps[1]}"}
    assert [li.one("a").words for li in answer.one("ol", class_="sources").all("li")] == [
        "good", "late", "card",
    ]  # fmt: skip
    assert len(page.root.all("img")) == 1, "the same file is in the page once"
    boxes = page.root.one("section", id="graph").one("svg").all("a")
    assert f"#{steps[0]}" in [box.attributes["href"] for box in boxes]
    lanes = page.root.one("section", id="time")
    assert "retry" in {r.attributes["class"] for r in lanes.all("rect")}
    assert "asked" in {r.attributes["class"] for r in lanes.all("rect")}


async def test_a_file_that_is_too_large_is_named_with_size_and_hash(store: Store) -> None:
    plan = 'card = draw(of="a")\nanswer("done")'
    run = await World().agent(store, plan).run("Draw.")
    events = await store.journal.events(run.id)
    page = Page(report(events, artifacts=store.artifacts, most_bytes=1000))
    sound(page)
    about = page.step("card").all("p", class_="about")[0].words
    assert "image/png 30.8 kB too large for this page" in about and "sha256 e687b958fe62…" in about
    assert page.root.all("img") == []


async def test_a_run_that_waits_for_approval_and_one_that_goes_on_again(store: Store) -> None:
    world = World()
    agent = world.agent(store, 's = send(to="Ann")\nanswer(f"{s}")')
    with pytest.raises(RunPaused) as caught:
        await agent.run("Send.")
    run = caught.value.run_id or ""
    page = await pages(store, run)
    assert page.status("s") == "asked"
    assert "send asks for it: send s, effect once to Ann" in page.step("s").words
    assert page.root.one("section", id="answer").one("h2").words == "Paused"

    (question,) = caught.value.questions
    await approve(store.journal, run, question.node)
    await agent.resume(run)
    page = await pages(store, run)
    assert (
        page.status("s") == "value" and "sent to Ann" in page.root.one("section", id="answer").text
    )
    assert page.root.all("line", class_="stop"), "where it was stopped is marked"


async def test_a_run_that_failed_and_what_the_check_refused(store: Store) -> None:
    agent = World().agent(store, "a = lok(n=1)", "a = lok(n=1)", "a = lok(n=1)")
    events: list[Event] = []
    with pytest.raises(PlanRefused):
        async for event in agent.stream("Try."):
            events.append(event)
    page = await pages(store, events[0].run)
    assert "PlanRefused" in page.root.one("p", class_="error").text
    refusals = page.root.one("section", id="planner").all("div", class_="why")
    assert "unknown_tool expected a tool; found 'lok'; did you mean look?" in refusals[0].words


async def test_a_run_that_is_still_going_and_every_beginning_of_it(store: Store) -> None:
    world = World()
    agent = world.agent(store, "a = look(n=1)\nb = stuck(n=a.n)\nc = look(n=b)\nanswer(using=[c])")
    work = asyncio.create_task(agent.run("Wait."))
    await world.begun.wait()
    await store.journal.flush()
    (summary,) = await store.journal.runs()
    page = await pages(store, summary.run)
    assert [page.status(name) for name in "abc"] == ["value", "running", "wait"]
    assert "going on" in page.root.one("p", class_="status").words
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert (await pages(store, summary.run)).status("b") == "cancelled"

    events = await store.journal.events(summary.run)
    told, shown = Chronicle(), Pages(Embedding(store.artifacts))
    for number, event in enumerate(events, 1):
        touched = told.note(event)
        assert told.view() == whole(events[:number]), "an event at a time comes to the same"
        for name in touched:
            sound_part = Page(shown.step(told.step(name)))
            assert sound_part.root.inside[0].attributes["id"] == f"row-{told.anchor_of(name)}"


def whole(events: Sequence[Event]) -> object:
    told = Chronicle()
    for event in events:
        told.note(event)
    return told.view()


async def test_an_effect_in_doubt_a_fork_and_a_run_within_a_run(store: Store) -> None:
    world = World()
    plan = 'g = look(n=1)\ns = send(to=f"{g.n}")\nanswer(using=[g, s])'
    agent = world.agent(store, plan, "It is [g].", "It is [g].", approver=verdicts_all)
    events: list[Event] = []
    async for event in agent.stream("Send."):
        events.append(event)
    cut = open_store("memory")
    for event in events:
        if event.seq:
            cut.journal.append(event)
        if event.type == "effect.intent":
            break
    answered = await world.agent(cut, "In doubt.", "In doubt.", approver=verdicts_all).resume(
        events[0].run
    )
    page = await pages(cut, answered.id)
    assert page.status("s") == "in_doubt"
    assert "agentkit resolve" in page.step("s").one("div", class_="why").words
    await cut.close()

    forked = await agent.fork(events[0].run, "g", args={"n": 5})
    page = await pages(store, forked.id)
    assert f"forked from {events[0].run}, at step g" in page.root.one("section", id="config").words
    assert [page.status(name) for name in ("g (replaced)", "g", "s")] == [
        "not_run", "value", "value",
    ]  # fmt: skip


async def verdicts_all(questions: Sequence[Question]) -> Sequence[Decision]:
    return [allowed(one) for one in questions]


async def test_a_run_within_a_run_is_shown_inside_of_its_step(store: Store) -> None:
    world = World()
    clerk = Agent(
        name="clerk", model=ScriptedModel(), tools=world.tools,
        planner=Fixed('a = look(n=3)\nanswer(f"{a.n}")'),
    )  # fmt: skip
    boss = Agent(
        model=ScriptedModel(), tools=[clerk], store=store,
        planner=Fixed('r = clerk(task="Look it up.")\nanswer(f"{r}")'),
    )  # fmt: skip
    run = await boss.run("Ask the clerk.")
    page = await pages(store, run.id)
    nested = page.step("r").one("details", class_="nested")
    assert "Look it up." in nested.words and page.status("a") == "value"
    alone = Page(report(await store.journal.events(run.id)))
    sound(alone)
    assert not alone.root.all("details", class_="nested")


async def test_what_the_planner_removes_or_replaces_stays_in_sight(store: Store) -> None:
    world = World()
    look = world.tools[0].name
    first = """
many = [look(n=x) for x in [1, 2]]
old = look(n=3)
observe(many, old)
"""
    node = Call(id="old", tool=look, args={"n": Const(30)})
    turns = [
        [*parse_program(first, {look: world.tools[0]}, Plan())[0]],
        [Patch(remove=("observe_1", "many"), replace=(node,), answer=Answer(using=(Ref("old"),)))],
    ]
    agent = Agent(
        model=ScriptedModel(replies=["Thirty [old]."]), tools=world.tools, store=store,
        planner=Turns(turns),
    )  # fmt: skip
    run = await agent.run("Look again.")
    page = await pages(store, run.id)
    shown = {name: page.status(name) for name in ("many (removed)", "old (replaced)", "old")}
    assert shown == dict.fromkeys(shown, "value")
    assert [page.step(name).all("dd")[0].words for name in ("old (replaced)", "old")] == ["3", "30"]
    place = page.step("old").one("div", class_="body").attributes["id"]
    assert page.root.one("section", id="answer").one("p").one("a").attributes["href"] == f"#{place}"
