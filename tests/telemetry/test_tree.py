"""The spans and metrics of runs in this process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from agentkit import Agent, RunError, open_store, tool
from agentkit.decide import approve
from agentkit.errors import RunPaused, StoreError
from agentkit.events import Event
from agentkit.planners import Fixed
from agentkit.store import Store
from agentkit.telemetry.ids import trace_id
from agentkit.testing import ScriptedModel
from tests.huge import LONG, SOME, fail_long, many, much, some
from tests.telemetry.agents import PRIVATE, SECRET, TREE, agent
from tests.telemetry.told import Told, id_of, require_well_formed, shape, trace_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store() -> AsyncGenerator[Store]:
    opened = open_store("memory")
    yield opened
    await opened.close()


@tool(effect="once")
def send(to: str) -> str:
    """Send a letter."""
    return f"sent to {to}"


@tool(effect="read")
def look(word: str) -> str:
    """Look a word up."""
    return f"the {word}"


SENDING = "a = look(word='a')\nb = send(to=a)\nanswer(f'{b}')"


def sender(store: Store, **more: Any) -> Agent[Any]:
    return Agent(
        name="sender",
        model=ScriptedModel(),
        planner=Fixed(SENDING),
        tools=[look, send],
        store=store,
        approve=("once",),
        new_id=lambda: "r1",
        **more,
    )


async def test_a_run_is_a_tree_by_the_names_of_the_conventions(store: Store) -> None:
    told = Told()
    run = await replace(agent, store=told.store(store)).run("Read it.")
    require_well_formed(told.spans)
    by_id = {id_of(span): span for span in told.spans}
    above = Counter(
        (by_id[span.parent.span_id].name if span.parent else "", span.name) for span in told.spans
    )
    assert above == TREE
    assert {trace_of(span) for span in told.spans} == {trace_id(run.id)}
    kinds = {span.name: span.kind for span in told.spans if span.kind is not SpanKind.INTERNAL}
    assert kinds == {"chat small-2": SpanKind.CLIENT}


async def test_a_span_covers_a_call_with_its_retries_and_names_its_error(store: Store) -> None:
    told = Told()
    await replace(agent, store=told.store(store)).run("Read it.")
    retried = told.one("execute_tool shaky")
    assert [(e.name, dict(e.attributes or {})) for e in retried.events] == [
        ("agentkit.retried", {"agentkit.attempt": 1, "error.type": "ToolError",
                              "agentkit.wait_s": 0.0}),
    ]  # fmt: skip
    assert retried.attributes == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "shaky",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "one",
        "agentkit.attempts": 2,
    }
    broken = told.one("execute_tool broken")
    assert broken.status.status_code is StatusCode.ERROR
    assert (broken.attributes or {})["error.type"] == "ToolError"


async def test_no_text_of_a_run_leaves_unless_asked_for_and_no_secret_ever(store: Store) -> None:
    silent, talking = Told(), Told()
    await replace(agent, store=silent.store(store)).run(f"Read {PRIVATE}.")
    await replace(agent, store=talking.store(store, content=True)).run(f"Read {PRIVATE}.")
    said = [span.to_json() for span in silent.spans]
    assert not [one for one in said if PRIVATE in one or SECRET in one or "look after" in one]
    said = [span.to_json() for span in talking.spans]
    assert not [one for one in said if SECRET in one]
    whole = "".join(said)
    assert whole.count(f"Read {PRIVATE}.") == 1
    assert f"{PRIVATE} is locked" in (talking.one("execute_tool broken").status.description or "")
    shaky = talking.one("execute_tool shaky").attributes or {}
    assert shaky["gen_ai.tool.call.arguments"] == '{"password": "(hidden)"}'
    assert shaky["gen_ai.tool.call.result"] == "1"


async def test_of_ten_megabytes_a_trace_has_a_part(store: Store) -> None:
    told = Told()
    plan = "a = much()\nb = many()\nc = some()\nd = fail_long()\nanswer(using=[c, d])"
    long = Agent(
        model=ScriptedModel(replies=[plan, "pass", LONG[:8000]]),
        tools=[much, many, some, fail_long],
        store=told.store(store, content=True),
    )
    await long.run(f"Do it. {SOME}")
    sizes = {span.name: len(span.to_json()) for span in told.spans}
    assert max(sizes.values()) < 30_000, sizes
    result = (told.one("execute_tool much").attributes or {})["gen_ai.tool.call.result"]
    assert str(result).startswith('"\\u001b[31m') and str(result).endswith("…")


async def test_a_run_that_goes_on_elsewhere_adds_to_its_trace(store: Store) -> None:
    first, second = Told(), Told()
    with pytest.raises(RunPaused):
        await sender(first.store(store)).run("Send it.")
    await approve(store.journal, "r1", "b")
    await sender(second.store(store)).resume("r1")
    for told in (first, second):
        require_well_formed(told.spans)
    assert shape(first.spans) == ["invoke_agent sender", ["plan sender", "execute_tool look"]]
    assert shape(second.spans) == ["invoke_agent sender", ["execute_tool send"]]
    before, after = first.one("invoke_agent sender"), second.one("invoke_agent sender")
    assert trace_of(before) == trace_of(after) == trace_id("r1")
    assert [link.context.span_id for link in after.links] == [id_of(before)]
    assert [event.name for event in before.events] == ["agentkit.asked"]
    outcomes = [(span.attributes or {})["agentkit.outcome"] for span in (before, after)]
    assert outcomes == ["paused", "answered"]
    assert before.status.status_code is StatusCode.UNSET


async def test_a_call_of_an_agent_that_waits_begins_again_below_its_new_call(store: Store) -> None:
    told = Told()
    traced = told.store(store)
    inner = replace(sender(traced), name="inner", new_id=Agent().new_id)
    outer = Agent(
        name="outer",
        model=ScriptedModel(),
        planner=Fixed("r = inner(task='Send it.')\nanswer(f'{r}')"),
        tools=[inner],
        store=traced,
    )
    with pytest.raises(RunPaused) as paused:
        await outer.run("Have it sent.")
    run = str(paused.value.run_id)
    await approve(store.journal, run, "r/b")
    await outer.resume(run)
    require_well_formed(told.spans)
    assert shape(told.spans) == [
        "invoke_agent outer",
        ["plan outer", "execute_tool inner",
         ["invoke_agent inner", ["plan inner", "execute_tool look"]]],
        "invoke_agent outer",
        ["execute_tool inner", ["invoke_agent inner", ["execute_tool send"]]],
    ]  # fmt: skip
    calls = [s.attributes or {} for s in told.spans if s.name == "execute_tool inner"]
    assert [call.get("agentkit.outcome") for call in calls] == ["paused", None]


async def test_what_a_fork_shares_is_not_told_again(store: Store) -> None:
    first, second = Told(), Told()
    plan = "a = look(word='a')\nb = look(word=a)\nanswer(f'{b}')"
    origin = Agent(name="f", model=ScriptedModel(), planner=Fixed(plan), tools=[look])
    run = await replace(origin, store=first.store(store)).run("Look.")
    fork = await replace(origin, store=second.store(store)).fork(run.id, "b", args={"word": "c"})
    assert shape(second.spans) == ["invoke_agent f", ["execute_tool look"]]
    root = second.one("invoke_agent f")
    assert (root.attributes or {})["agentkit.run.forked_from"] == run.id
    assert trace_of(root) == trace_id(fork.id) and not root.links


async def test_a_submitted_run_is_told_by_who_carries_it_on(tmp_path: Any) -> None:
    store = open_store(tmp_path, sync="process")
    giver, worker = Told(), Told()
    made = replace(sender(giver.store(store)), approve=(), origin="agents.py:sender")
    run = await made.submit("Send it.")
    assert not giver.spans
    await replace(made, store=worker.store(store)).resume(run)
    root = worker.one("invoke_agent sender")
    assert not root.links and (root.attributes or {})["gen_ai.agent.id"] == "agents.py:sender"
    await store.close()


async def test_what_the_program_was_about_is_linked(store: Store) -> None:
    told = Told()
    tracer = told.tracers.get_tracer("the program")
    with tracer.start_as_current_span("request") as request:
        await replace(sender(told.store(store)), approve=()).run("Send it.")
    links = told.one("invoke_agent sender").links
    assert [link.context for link in links] == [request.get_span_context()]
    assert len({span.resource for span in told.spans}) == 1, "sent as of one program"


async def test_a_failed_run_names_its_error_and_a_cancelled_one_has_none(store: Store) -> None:
    failed, cancelled = Told(), Told()
    lost = Agent(name="x", model=ScriptedModel(replies=[]), store=failed.store(store))
    with pytest.raises(RunError) as error:
        await lost.run("Do it.")
    require_well_formed(failed.spans)
    assert shape(failed.spans) == ["invoke_agent x", ["plan x", ["chat scripted"]]]
    kind = type(error.value).__name__
    assert [(span.attributes or {})["error.type"] for span in failed.spans] == [kind] * 3
    begun = asyncio.Event()

    @tool(effect="read")
    async def endless() -> str:
        """Never ends."""
        begun.set()
        await asyncio.Event().wait()
        return ""

    waiting = Agent(
        name="x",
        model=ScriptedModel(),
        planner=Fixed("answer(f'{endless()}')"),
        tools=[endless],
        store=cancelled.store(store),
    )
    work = asyncio.create_task(waiting.run("Wait."))
    await begun.wait()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    require_well_formed(cancelled.spans)
    for span in (cancelled.one("invoke_agent x"), cancelled.one("execute_tool endless")):
        assert (span.attributes or {})["agentkit.outcome"] == "cancelled"
        assert span.status.status_code is StatusCode.UNSET


CREATED = Event("r1", 1, 5.0, "run.created", data={"agent": "a", "task": "add"})


async def test_metrics_count_nodes_and_tokens_that_a_server_counted(store: Store) -> None:
    told = Told()
    events = _with_usage(CREATED)
    journal = told.journal(store.journal)
    for event in events:
        journal.append(event)
    about = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
    }
    assert told.sums() == {
        ("gen_ai.client.operation.duration", frozenset(about.items())): 1.5,
        ("gen_ai.client.token.usage",
         frozenset({**about, "gen_ai.token.type": "input"}.items())): 30,
        ("gen_ai.client.token.usage",
         frozenset({**about, "gen_ai.token.type": "output"}.items())): 4,
        ("agentkit.nodes", frozenset({"agentkit.outcome": "skipped"}.items())): 1,
    }  # fmt: skip
    await journal.close()
    chat = told.one("chat gpt-5").attributes or {}
    assert (chat["gen_ai.usage.input_tokens"], chat["gen_ai.usage.output_tokens"]) == (30, 4)
    assert chat["gen_ai.usage.cache_read.input_tokens"] == 20
    assert chat["gen_ai.response.finish_reasons"] == ["length"]


def _with_usage(first: Event) -> list[Event]:
    usage = {"input_tokens": 30, "output_tokens": 4, "cached_tokens": 20, "calls": 1,
             "cost_usd": None, "estimated": False}  # fmt: skip
    called = {"purpose": "answer", "model": "openai:gpt-5", "prompt_sha256": ""}
    answered = {"text": "", "finish": "length", "usage": usage, "seconds": 1.5}
    skipped = {"status": "skipped", "seconds": 0.0, "attempts": 0,
               "failure": {"kind": "Blocked", "message": "", "cause": "a"}}  # fmt: skip
    return [
        first,
        replace(first, seq=2, type="model.called", node="answer/model_1", data=called),
        replace(first, seq=3, type="model.answered", node="answer/model_1", data=answered),
        replace(first, seq=4, type="node.ended", node="b", data=skipped),
    ]


async def test_a_journal_that_fails_ends_the_spans_of_that_run(store: Store) -> None:
    told = Told()
    journal = told.journal(store.journal)
    events = _with_usage(CREATED)[:2]
    for event in events:
        journal.append(event)
    with pytest.raises(StoreError):
        journal.append(events[-1])
    require_well_formed(told.spans)
    root = next(span for span in told.spans if span.parent is None)
    assert (root.attributes or {})["error.type"] == "RunTaken"
