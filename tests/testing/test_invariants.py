"""`check_run` finds each rule that is broken: every case breaks one in a sound run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from agentkit.engine.limits import Limits
from agentkit.events import Event, EventType
from agentkit.testing.invariants import check_run
from agentkit.types import Json


class Log:
    """Events, numbered as they come."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, kind: EventType, node: str | None = None, **data: Json) -> None:
        self.events.append(Event("r", len(self.events) + 1, 0.0, kind, node, data))


def sound() -> Log:
    """An effect `a`, a broken sibling `b`, and `c`, which needs `b`."""
    log = Log()
    log.add("run.created", task="t")
    nodes: list[Json] = [
        {"id": "a", "tool": "send", "args": {}},
        {"id": "b", "tool": "look", "args": {}},
        {"id": "c", "tool": "look", "args": {"n": {"$": "b"}}},
    ]
    log.add("plan.patched", turn=0, patch={"add": nodes}, source="")
    log.add("plan.turn", turn=0, ended="end", told=[])
    log.add("node.started", "a", tool="send", args={})
    log.add("effect.intent", "a", key="k")
    log.add("node.started", "b", tool="look", args={})
    log.add("node.ended", "b", **end("failed"))
    log.add("node.ended", "c", **end("skipped", cause="b"))
    log.add("node.ended", "a", **end("value"))
    log.add("effect.receipt", "a", key="k")
    log.add("run.ended", status="answered", answer="ok")
    return log


def end(status: str, cause: str | None = None) -> dict[str, Json]:
    kind = "Blocked" if status == "skipped" else "ToolError"
    failure: Json = {"kind": kind, "message": "no", "retryable": False, "cause": cause}
    came: dict[str, Json] = {"value": 1} if status == "value" else {"failure": failure}
    return {"status": status, "seconds": 0.0, "attempts": 1, **came}


def without(number: int) -> Callable[[Log], None]:
    def change(log: Log) -> None:
        del log.events[number - 1]
        log.events = [replace(event, seq=at) for at, event in enumerate(log.events, start=1)]

    return change


def then(*events: tuple[EventType, str | None, dict[str, Json]]) -> Callable[[Log], None]:
    def change(log: Log) -> None:
        last = log.events.pop()
        for kind, node, data in events:
            log.add(kind, node, **data)
        log.add(last.type, None, **last.data)

    return change


AGAIN: tuple[EventType, str | None, dict[str, Json]] = (
    "node.started", "a", {"tool": "send", "args": {}},
)  # fmt: skip
REPLACED: dict[str, Json] = {
    "turn": 1, "source": "", "patch": {"replace": [{"id": "a", "tool": "send", "args": {}}]},
}  # fmt: skip
ASKED: dict[str, Json] = {
    "tool": "send", "effect": "once", "args": {}, "key": "q", "why": "",
}  # fmt: skip


def gap(log: Log) -> None:
    log.events[4] = replace(log.events[4], seq=6)


def cut(log: Log) -> None:
    log.events.pop()


def two_ends(log: Log) -> None:
    log.add("run.ended", status="answered")


CASES: dict[str, Callable[[Log], None]] = {
    "expected event 5; found 6": gap,
    "it has not ended: its last event is 10": cut,
    "comes after run.ended, without run.resumed between": two_ends,
    "only the first event is run.created": then(("run.created", None, {"task": "t"})),
    "these started and did not: a": without(9),
    "it is answered, and c has no outcome": without(8),
    "value, but ended before: value": then(("node.ended", "a", end("value"))),
    "has ended before: value": then(AGAIN, ("node.ended", "a", end("value"))),
    "skipped because of a, which it does not need": then(
        ("plan.patched", None, {**REPLACED, "patch": {"replace": [{"id": "b", "tool": "look"}]}}),
        ("node.ended", "b", end("value")), ("node.ended", "c", end("skipped", cause="a")),
    ),
    "skipped because of b, which came to value": then(
        ("plan.patched", None, {**REPLACED, "patch": {"replace": [{"id": "b", "tool": "look"}]}}),
        ("node.ended", "b", end("value")), ("node.ended", "c", end("skipped", cause="b")),
    ),
    "a receipt of what was not announced": without(5),
    "announces an effect and has not started": without(4),
    "repeats what send did: its key has a receipt": then(
        ("plan.patched", None, REPLACED), AGAIN, ("effect.intent", "a", {"key": "k"}),
        ("node.ended", "a", end("value")),
    ),
    "starts while it waits for approval": then(
        ("plan.patched", None, REPLACED), ("node.asked", "a", ASKED), AGAIN,
        ("node.ended", "a", end("value")),
    ),
    "started before and has not ended": then(
        ("plan.patched", None, REPLACED), AGAIN, AGAIN, ("node.ended", "a", end("value")),
    ),
    "expected at most 1 turns of the planner; found 2": then(
        ("plan.turn", None, {"turn": 1, "ended": "end"})
    ),
}  # fmt: skip


def test_a_sound_run_breaks_none() -> None:
    check_run(sound().events, once=["send"], limits=Limits(replans=0, repairs=0))


@pytest.mark.parametrize("rule", CASES)
def test_each_rule_is_found(rule: str) -> None:
    log = sound()
    CASES[rule](log)
    with pytest.raises(AssertionError) as caught:
        check_run(log.events, once=["send"], limits=Limits(replans=0, repairs=0))
    assert rule in str(caught.value)


def test_a_run_that_was_cut_off_may_end_anywhere() -> None:
    log = sound()
    for count in range(len(log.events)):
        check_run(log.events[:count], ended=False)


def test_a_resumed_run_starts_what_had_not_ended() -> None:
    log = sound()
    del log.events[4:]
    log.add("run.resumed")
    for event in sound().events[3:]:
        log.add(event.type, event.node, **event.data)
    check_run(log.events, once=["send"])
