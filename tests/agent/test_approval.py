"""Calls that somebody must allow: asked once, decided now or later, by whoever has the store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, UsageError, open_store, tool
from agentkit.decide import approve, deny, resolve
from agentkit.decisions import Decision, Question
from agentkit.decisions import approve as allowed
from agentkit.decisions import deny as refused
from agentkit.errors import RunPaused
from agentkit.plan.graph import Answer, Call, Const, Observe, Patch, Ref
from agentkit.protocols import Brief
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from agentkit.testing.invariants import check_run
from agentkit.tool import NOT_DONE, Tool
from agentkit.types import Json

pytestmark = pytest.mark.anyio

PLAN = 'a = look(n=1)\ns = send(to="Ann", text=f"{a}")\nanswer(f"{s}")'
BOTH = 'a = look(n=1)\ns = send(to="Ann", text=f"{a}")\nanswer(using=[a, s])'
MAP = """
a = look(n=1)
sent = [send(to=name, text="hi") for name in ["Ann", "Bob", "Cem"]]
answer(using=[a, sent])
"""

GUARDED = """
a = look(n=1)
s = send(to="Ann", text=f"{a}")
if a > 1:
    b = look(n=len(s))
answer(f"{s}")
"""


class Post:
    """Letters that were sent, and the tools that send them."""

    def __init__(self, **options: Any) -> None:
        self.letters: list[str] = []

        @tool(effect="once", **options)
        async def send(to: str, text: str) -> str:
            """Send a letter."""
            self.letters.append(to)
            return f"{text} to {to}"

        @tool(effect="pure")
        async def look(n: int) -> int:
            """Look."""
            return n

        self.tools = [send, look]

    def agent(self, store: Store, *plans: str, **options: Any) -> Agent[Any]:
        """An agent whose model writes these plans."""
        model = ScriptedModel(replies=plans or [PLAN])
        return Agent(model=model, tools=self.tools, store=store, **options)


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    """A store on disk."""
    opened = open_store(tmp_path / "store")
    yield opened
    await opened.close()


async def paused(agent: Agent[Any]) -> RunPaused:
    with pytest.raises(RunPaused) as caught:
        await agent.run("Send it.")
    assert caught.value.run_id is not None
    return caught.value


async def kinds(store: Store, run: str) -> list[str]:
    return [event.type for event in await store.journal.events(run)]


async def test_a_call_that_needs_approval_pauses_the_run_with_its_literal_arguments(
    store: Store,
) -> None:
    post = Post(approve=True)
    pause = await paused(post.agent(store))
    (question,) = pause.questions
    assert (question.tool, question.args) == ("send", {"to": "Ann", "text": "1"})
    assert post.letters == []
    assert "waits for approval of s (send)" in str(pause)
    (summary,) = await store.journal.runs()
    assert summary.status == "paused"


async def test_another_process_approves_and_the_run_goes_on(tmp_path: Path) -> None:
    post, store = Post(approve=True), open_store(tmp_path)
    run = (await paused(post.agent(store))).run_id or ""
    await store.close()
    other = open_store(tmp_path)
    await approve(other.journal, run, "s", by="Ida")
    await other.close()
    last = open_store(tmp_path)
    answered = await post.agent(last, "").resume(run)
    decided = [event for event in await last.journal.events(run) if event.type == "node.decided"]
    await last.close()
    assert (answered.answer, post.letters) == ("1 to Ann", ["Ann"])
    assert [event.data["by"] for event in decided] == ["Ida"]


async def test_arguments_can_be_edited_on_the_way(store: Store) -> None:
    post = Post(approve=True)
    run = (await paused(post.agent(store))).run_id or ""
    with pytest.raises(UsageError, match="send takes no argument whom; it takes: to, text"):
        await approve(store.journal, run, "s", args={"whom": "Bob"})
    with pytest.raises(UsageError, match="expected str for 'to' of send; found 7"):
        await approve(store.journal, run, "s", args={"to": 7})
    await approve(store.journal, run, "s", args={"to": "Bob"})
    assert (await post.agent(store, "").resume(run)).answer == "1 to Bob"
    assert post.letters == ["Bob"]


async def test_an_approver_hears_at_once_that_the_tool_takes_no_such_argument(
    store: Store,
) -> None:
    heard: list[str] = []

    async def person(questions: Sequence[Question]) -> Sequence[Decision]:
        wrongs: list[dict[str, Json]] = [{"to": ["Bob"]}, {"whom": "Bob"}]
        for args in wrongs:
            with pytest.raises(UsageError) as wrong:
                allowed(questions[0], args=args)
            heard.append(str(wrong.value))
        return [allowed(questions[0], args={"to": "Bob"})]

    post = Post(approve=True)
    run = await post.agent(store, PLAN, "", approver=person).run("Send it.")
    assert (run.answer, post.letters) == ("1 to Bob", ["Bob"])
    assert heard == [
        "expected str for 'to' of send; found ['Bob']",
        "send takes no argument whom; it takes: to, text",
    ]


async def test_what_was_denied_is_told_to_the_planner_and_poisons_what_needs_it(
    store: Store,
) -> None:
    post = Post(approve=True)
    run = (await paused(post.agent(store, BOTH))).run_id or ""
    await deny(store.journal, run, "s", reason="Ann is on leave")
    model = ScriptedModel(replies=["", "Nothing was sent."])
    answered = await Agent(model=model, tools=post.tools, store=store).resume(run)
    assert answered.answer == "Nothing was sent."
    assert answered.outcomes["s"].status == "denied"
    assert "Ann is on leave" in model.requests[0].messages[-1].content
    assert post.letters == []


async def test_all_that_waits_is_asked_at_once_also_in_maps(store: Store) -> None:
    asked: list[Sequence[Question]] = []

    async def person(questions: Sequence[Question]) -> Sequence[Decision]:
        asked.append(questions)
        return [refused(one) if one.args["to"] == "Bob" else allowed(one) for one in questions]

    post = Post(approve=True)
    run = await post.agent(store, MAP, "", "Two.", approver=person).run("Send them.")
    assert [[one.args["to"] for one in each] for each in asked] == [["Ann", "Bob", "Cem"]]
    assert post.letters == ["Ann", "Cem"]
    assert run.outcomes["sent[1].send_1"].status == "denied"
    assert run.outcomes["sent[0].send_1"].value == "hi to Ann"


@pytest.mark.parametrize("plan", [GUARDED, MAP])
async def test_an_approver_that_has_made_the_calls_says_what_they_came_to(
    store: Store, plan: str
) -> None:
    async def person(questions: Sequence[Question]) -> Sequence[Decision]:
        return [replace(allowed(one), verdict="done", value="by hand") for one in questions]

    post = Post(approve=True)
    agent = post.agent(store, plan, "", approver=person)
    run = await agent.run("Send it.")
    assert post.letters == []
    events = await store.journal.events(run.id)
    waited = [event.node for event in events if event.type == "node.asked"]
    assert waited and all(run.outcomes[node or ""].value == "by hand" for node in waited)
    assert run.outcomes.keys() >= run.plan.nodes.keys()
    check_run(events)
    await agent.replay(run.id)


async def test_that_a_call_which_waits_was_not_made_decides_nothing(store: Store) -> None:
    async def person(questions: Sequence[Question]) -> Sequence[Decision]:
        return [replace(allowed(one), verdict="not_done") for one in questions]

    post = Post(approve=True)
    pause = await paused(post.agent(store, approver=person))
    assert ([one.node for one in pause.questions], post.letters) == (["s"], [])
    assert "node.decided" not in await kinds(store, pause.run_id or "")


async def test_who_answers_for_some_only_lets_the_others_wait(store: Store) -> None:
    async def person(questions: Sequence[Question]) -> Sequence[Decision]:
        return [allowed(one) for one in questions if one.args["to"] == "Ann"]

    post = Post(approve=True)
    pause = await paused(post.agent(store, MAP, approver=person))
    assert [one.args["to"] for one in pause.questions] == ["Bob", "Cem"]
    assert post.letters == ["Ann"]
    for question in pause.questions:
        await approve(store.journal, pause.run_id or "", question.node)
    await post.agent(store, "").resume(pause.run_id or "")
    assert post.letters == ["Ann", "Bob", "Cem"]


async def test_a_run_resumed_without_a_decision_asks_nothing_twice(store: Store) -> None:
    post = Post(approve=True)
    run = (await paused(post.agent(store))).run_id or ""
    with pytest.raises(RunPaused):
        await post.agent(store, "").resume(run)
    assert (await kinds(store, run)).count("node.asked") == 1


def to_ann(tool: Tool, args: Mapping[str, Json]) -> bool:
    """A rule by the arguments."""
    return args.get("to") == "Ann"


@pytest.mark.parametrize(
    "rule",
    ["once", "send", to_ann],
    ids=["effect", "tool", "predicate"],
)
async def test_rules_of_the_agent_go_by_tool_effect_and_arguments(store: Store, rule: Any) -> None:
    post = Post()
    await paused(post.agent(store, approve=[rule]))
    answered = await post.agent(store, PLAN, approve=["write", "read"]).run("Send it.")
    assert answered.answer == "1 to Ann"


async def test_a_rule_that_names_nothing_is_refused_before_anything_runs(store: Store) -> None:
    post = Post()
    with pytest.raises(UsageError, match="'sent'; did you mean 'send'"):
        await post.agent(store, approve=["once", "sent"]).run("Send it.")
    chief = Agent(name="chief", model=ScriptedModel(), tools=post.tools)
    above = Agent(name="above", model=ScriptedModel(), tools=[chief], store=store)
    assert [*replace(above, approve=["send"]).equipped(store.folder)] == ["chief"]
    with pytest.raises(UsageError, match="'sent'; did you mean 'send'"):
        replace(above, approve=["sent"]).as_tool()
    assert post.letters == [] and await store.journal.runs() == []


def pay(to: object, euros: object) -> None:
    """A plain function, which a rule's two arguments would fit."""
    raise AssertionError("it was called")


async def test_a_tool_in_place_of_its_name_is_no_rule(store: Store) -> None:
    post = Post()
    tools = [*post.tools, pay, "python"]
    slips: list[tuple[Any, str]] = [(post.tools[0], "send"), (pay, "pay")]
    for rule, name in slips:
        agent = Agent(model=ScriptedModel(), tools=tools, store=store, approve=["python", rule])
        with pytest.raises(UsageError, match=f"write '{name}'"):
            await agent.run("Send it.")


async def test_a_rule_that_breaks_lets_nothing_through(store: Store) -> None:
    def broken(args: Mapping[str, Json]) -> bool:
        return bool(args["nothing"])

    post = Post(approve=broken)
    answered = await post.agent(store, BOTH, "", "It failed.").run("Send it.")
    assert post.letters == []
    assert answered.outcomes["s"].status == "failed"


async def test_only_a_paused_run_and_only_what_waits_can_be_decided(store: Store) -> None:
    post = Post(approve=True)
    run = (await paused(post.agent(store))).run_id or ""
    with pytest.raises(UsageError, match="a of run .* waits for no approval; waiting: s"):
        await approve(store.journal, run, "a")
    with pytest.raises(UsageError, match="s of run .* is not in doubt; in doubt: none"):
        await resolve(store.journal, run, "s", done=True)
    await approve(store.journal, run, "s")
    with pytest.raises(UsageError, match="waits for no approval"):
        await deny(store.journal, run, "s")
    with pytest.raises(UsageError, match="there is no run 'nil'"):
        await deny(store.journal, "nil", "s")


async def cut_off(store: Store, post: Post, plan: str = PLAN) -> str:
    """A run that was killed right after its letter was sent, before that was on record."""
    whole = open_store("memory")
    run = (await post.agent(whole, plan, "Sent.").run("Send it.")).id
    for event in await whole.journal.events(run):
        store.journal.append(event)
        if event.type == "effect.intent":
            break
    await whole.close()
    return run


@pytest.mark.parametrize("done", [True, False])
async def test_a_call_in_doubt_is_resolved_by_a_person(store: Store, done: bool) -> None:
    post = Post()
    run = await cut_off(store, post, BOTH)
    answered = await post.agent(store, "In doubt.").resume(run)
    assert answered.outcomes["s"].status == "in_doubt"
    failure = answered.outcomes["s"].failure
    assert failure is not None
    assert f"agentkit resolve {run} s --done or --not-done" in failure.message
    assert post.letters == ["Ann"]
    await resolve(store.journal, run, "s", done=done, value="sent" if done else None)
    again = await post.agent(store, "Settled.").resume(run)
    assert again.answer.startswith("Settled.")
    assert again.outcomes["s"].value == ("sent" if done else "1 to Ann")
    assert post.letters == (["Ann"] if done else ["Ann", "Ann"])


async def test_a_tool_that_can_tell_is_asked_before_a_person(store: Store) -> None:
    asked: list[str] = []

    def look_up(key: str) -> object:
        asked.append(key)
        return "1 to Ann"

    post = Post(reconcile=look_up)
    run = await cut_off(store, post)
    answered = await post.agent(store, "").resume(run)
    assert (answered.answer, post.letters) == ("1 to Ann", ["Ann"])
    intents = [e.data["key"] for e in await store.journal.events(run) if e.type == "effect.intent"]
    assert asked == intents
    assert (await kinds(store, run)).count("effect.receipt") == 1


async def test_what_was_not_done_is_done_and_what_cannot_be_told_stays_in_doubt(
    store: Store,
) -> None:
    def not_done(key: str) -> object:
        return NOT_DONE

    post = Post(reconcile=not_done)
    answered = await post.agent(store, "").resume(await cut_off(store, post))
    assert (answered.answer, post.letters) == ("1 to Ann", ["Ann", "Ann"])


@pytest.mark.parametrize("kind", [ConnectionError, SystemExit])
async def test_a_reconcile_that_breaks_leaves_the_call_in_doubt(
    store: Store, kind: type[BaseException]
) -> None:
    def unreachable(key: str) -> object:
        raise kind("no route")

    post = Post(reconcile=unreachable)
    run = await cut_off(store, post, BOTH)
    answered = await post.agent(store, "In doubt.").resume(run)
    end = answered.outcomes["s"]
    assert end.status == "in_doubt" and end.failure is not None
    assert "no route" in end.failure.message
    assert post.letters == ["Ann"]


class Again:
    """A planner that puts a call that waits in its own place again."""

    async def propose(self, brief: Brief) -> AsyncGenerator[Patch, None]:
        send = Call(id="s", tool="send", args={"to": Const("Ann"), "text": Const("hi")})
        if brief.turn == 0:
            look = Call(id="a", tool="look", args={"n": Const(1)})
            yield Patch(add=(look, send, Observe(id="o", using=(Ref("a"),))))
        elif brief.turn == 1:
            yield Patch(replace=(send,))
            yield Patch(answer=Answer(text=Ref("s")))


async def test_a_call_that_a_patch_put_in_its_own_place_can_still_be_approved(store: Store) -> None:
    post = Post(approve=True)
    agent = post.agent(store, "", planner=Again())
    run = (await paused(agent)).run_id or ""
    await approve(store.journal, run, "s")
    assert (await agent.resume(run)).answer == "hi to Ann"
    assert post.letters == ["Ann"]
