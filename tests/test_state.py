"""The fold of a run's events."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.artifacts import FolderArtifacts
from agentkit.engine.limits import Limits
from agentkit.engine.scheduler import Scheduler
from agentkit.events import Event, EventType
from agentkit.fold import fold
from agentkit.messages import Usage
from agentkit.outcome import Failure, Outcome, outcome_to_json
from agentkit.plan.expression import expression
from agentkit.plan.graph import Answer, Call, Map, Patch, Ref
from agentkit.plan.jsonform import patch_to_json
from agentkit.state import RunState, usage_to_json
from agentkit.tool import tool


class Events:
    """A run's events, numbered as they come."""

    def __init__(self) -> None:
        self.all: list[Event] = []

    def __call__(self, kind: EventType, node: str | None = None, data: Any = None) -> None:
        self.all.append(Event("r", len(self.all) + 1, 0.0, kind, node, data or {}))


def created(log: Events, **inputs: Any) -> None:
    log(
        "run.created",
        data={
            "task": "sum up",
            "inputs": {k: {"schema": {}, "value": v} for k, v in inputs.items()},
            "agent": "helper",
            "origin": "a.py:agent",
            "session": "s1",
            "model": "test:",
            "tools": ["add"],
        },
    )


def patched(log: Events, patch: Patch, turn: int = 0) -> None:
    log("plan.patched", data={"turn": turn, "patch": patch_to_json(patch), "source": patch.source})


def call(id: str, **args: Any) -> Call:
    return Call(id=id, tool="add", args=args)


def ended(log: Events, node: str, outcome: Outcome) -> None:
    log("node.ended", node, outcome_to_json(outcome))


def test_nothing_has_happened_yet() -> None:
    assert fold([]) == RunState()


def test_a_whole_run() -> None:
    log = Events()
    created(log, x=1)
    log("model.called", "plan/1", {"purpose": "plan", "model": "test:", "prompt_sha256": "ab"})
    usage = Usage(10, 5, calls=1, cost_usd=Decimal("0.002"))
    answered = {"text": "a = ...", "usage": usage_to_json(usage), "finish": "stop", "seconds": 1.0}
    log("model.answered", "plan/1", answered)
    log("plan.refused", data={"turn": 0, "source": "b = 1 +", "problems": [{"code": "syntax"}]})
    log("plan.turn", data={"turn": 0, "ended": "problems"})
    patched(log, Patch(add=(call("a", n=Ref("x")), call("b", n=Ref("a")))), turn=1)
    patched(log, Patch(answer=Answer(using=(Ref("b"),))), turn=1)
    log("plan.turn", data={"turn": 1, "ended": "answer"})
    log("node.started", "a", {"tool": "add", "args": {"n": 1}})
    log("effect.intent", "a", {"key": "k1"})
    middle = fold(log.all)
    ended(log, "a", Outcome("value", 2, seconds=0.5))
    log("effect.receipt", "a", {"key": "k1"})
    ended(log, "b", Outcome("failed", failure=Failure("ToolError", "no"), attempts=2))
    end = {"status": "answered", "answer": "It is 2.", "output": {"n": 2}, "cites": ["a"]}
    log("run.ended", data=end)
    state = fold(log.all)

    assert (middle.status, middle.started, middle.intents) == ("running", {"a"}, {"a": "k1"})
    assert (middle.turn, middle.turn_ended) == (2, "answer")
    assert state.task == "sum up" and state.inputs == {"x": 1} and state.tools == ("add",)
    assert (state.agent, state.origin, state.session) == ("helper", "a.py:agent", "s1")
    assert list(state.plan.nodes) == ["a", "b"] and state.plan.inputs == {"x": {}}
    assert state.plan.answer == Answer(using=(Ref("b"),))
    assert state.outcomes["a"] == Outcome("value", 2, seconds=0.5)
    assert state.outcomes["b"].failure == Failure("ToolError", "no")
    assert (state.started, state.intents) == (frozenset(), {})
    assert state.effects == {"k1": state.outcomes["a"]}
    assert state.usage == usage
    assert state.calls["plan/1"].answer == answered
    assert [refusal.source for refusal in state.refusals] == ["b = 1 +"]
    assert (state.status, state.answer, state.output) == ("answered", "It is 2.", {"n": 2})
    assert (state.cites, state.seq) == (("a",), len(log.all))


def test_a_turn_that_was_cut_is_open() -> None:
    log = Events()
    created(log)
    log("plan.turn", data={"turn": 0, "ended": "observe"})
    assert fold(log.all).turn_ended == "observe"
    patched(log, Patch(add=(call("a"),)), turn=1)
    assert (fold(log.all).turn, fold(log.all).turn_ended) == (1, None)


def test_what_needs_a_replaced_node_has_no_outcome_any_more() -> None:
    log = Events()
    created(log, x=[1])
    many = Map(
        id="m", over=expression("[a]"), var="e", body=(call("c", n=Ref("e")),), value=Ref("c")
    )
    patched(log, Patch(add=(call("a"), call("b"), many)))
    for node in ("a", "b", "m[0].c", "m[0]", "m"):
        ended(log, node, Outcome("value", 1))
    patched(log, Patch(replace=(call("a", n=Ref("x")),)))
    assert list(fold(log.all).outcomes) == ["b"]
    patched(log, Patch(remove=("b",)))
    state = fold(log.all)
    assert state.outcomes == {} and list(state.plan.nodes) == ["a", "m"]


def test_a_resumed_run_starts_what_was_cancelled_again() -> None:
    log = Events()
    created(log)
    patched(log, Patch(add=(call("a"), call("b"), call("c"))))
    for node in "abc":
        log("node.started", node, {"tool": "add", "args": {}})
    log("effect.intent", "b", {"key": "k"})
    ended(log, "a", Outcome("value", 1))
    ended(log, "b", Outcome("cancelled", failure=Failure("Cancelled", "stopped")))
    log("run.ended", data={"status": "cancelled", "error": "stopped", "kind": "RunCancelled"})
    stopped = fold(log.all)
    assert (stopped.status, stopped.error, stopped.error_kind) == (
        "cancelled", "stopped", "RunCancelled",
    )  # fmt: skip
    log("run.resumed")
    state = fold(log.all)
    assert (state.status, set(state.outcomes), state.started) == ("running", {"a"}, frozenset())
    assert state.intents == {"b": "k"}


def test_transient_and_unknown_events_change_nothing() -> None:
    log = Events()
    created(log)
    before = fold(log.all)
    log("node.progress", "a", {"done": 1, "total": 2, "unit": ""})
    log("model.text", "m", {"text": "x"})
    after = fold(log.all)
    assert after.seq == before.seq + 2
    assert (after.plan, after.outcomes, after.status) == (before.plan, before.outcomes, "running")


@tool(effect="pure")
async def add(n: int, m: int = 0) -> int:
    """Sum; 13 is bad luck."""
    if n == 13:
        raise ValueError("bad luck")
    return n + m


@pytest.mark.anyio
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 14), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 14), st.integers(0, 9)), max_size=8),
    st.integers(0, 80),
)
async def test_a_run_cut_anywhere_and_resumed_ends_as_the_whole_one(
    xs: list[int], chain: list[tuple[int, int]], cut: int
) -> None:
    """And what the fold says is what the scheduler said."""
    nodes = [Map(id="m", over=Ref("xs"), var="x", body=(call("c", n=Ref("x")),), value=Ref("c"))]
    plan = [*nodes, *(call(f"n{i}", n=_arg(i, n, need)) for i, (n, need) in enumerate(chain))]
    log = Events()
    created(log, xs=xs)
    patched(log, Patch(add=tuple(plan)))
    whole = await _run(log, fold(log.all))
    assert {name: end.status for name, end in whole.items()} == {
        name: end.status for name, end in fold(log.all).outcomes.items()
    }
    half = Events()
    half.all = log.all[: max(2, cut)]
    kept = {event.node for event in half.all if event.type == "node.ended"}
    half("run.resumed")
    resumed = await _run(half, fold(half.all))
    assert {k: (v.status, v.value) for k, v in resumed.items()} == {
        k: (v.status, v.value) for k, v in whole.items()
    }
    ends = [event.node for event in half.all if event.type == "node.ended"]
    assert len(ends) == len(set(ends)) and kept <= set(ends)


def _arg(index: int, number: int, need: int) -> Any:
    return Ref(f"n{need}") if need < index else expression(str(number))


async def _run(log: Events, state: RunState) -> dict[str, Outcome]:
    async with Scheduler(
        tools={"add": add},
        record=log,
        artifacts=FolderArtifacts(Path("unused")),
        state=state,
        limits=Limits(repeats=100),  # which of equal calls is one too many depends on the order
    ) as scheduler:
        scheduler.add(state.plan.nodes.values())
        await scheduler.settled()
    return dict(scheduler.outcomes)
