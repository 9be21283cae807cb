"""What must hold of a run however often it is killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from agentkit.events import Event
from agentkit.fold import fold
from tests.crash.plans import ANSWER
from tests.crash.tally import Counted, by_node


def ended_calls(events: Sequence[Event]) -> set[str]:
    """The nodes whose outcome the journal holds. Those that were stopped have none for good."""
    return {event.node or "" for event in events if _is_outcome(event)}


def broken_by_kill(before: Sequence[Event], after: Sequence[Event]) -> Iterator[str]:
    """`before` is the journal as one kill left it, `after` as the next one did."""
    if list(after[: len(before)]) != list(before):
        yield f"of {len(before)} events in the journal not all are there after another kill"
    if [event.seq for event in after] != list(range(1, len(after) + 1)):
        yield "the events are not numbered from 1 on"


def broken_by_calls(
    events: Sequence[Event], before: Sequence[Counted], after: Sequence[Counted]
) -> Iterator[str]:
    """`events` as the kill left them, calls as they were counted at the kill and later."""
    again = by_node(after) - by_node(before)
    for node in ended_calls(events) & set(again):
        yield f"{node} was called again, and its outcome was in the journal"
    intents = {(event.node, event.data["key"]) for event in events if event.type == "effect.intent"}
    for call in before:
        if call.effect in ("write", "once") and (call.node, call.key) not in intents:
            yield f"{call.node} ({call.effect}) was called, and its intent was not durable"


def broken_by_effects(calls: Sequence[Counted]) -> Iterator[str]:
    """Of all calls of a run, at any time. What was only read may be read again with the value that
    somebody gave to a call in doubt: it need not be the one that the killed process had seen."""
    keys = {(call.node, call.key) for call in calls if call.effect in ("write", "once")}
    for node, count in Counter(node for node, _ in keys).items():
        if count > 1:
            yield f"{node} was called with {count} different keys"
    for call, count in Counter(calls).items():
        if call.effect == "once" and count > 1:
            yield f"{call.node} (once) was called {count} times"


def broken_at_the_end(events: Sequence[Event], calls: Sequence[Counted]) -> Iterator[str]:
    """Of a run that was carried on to its end, all that was in doubt resolved."""
    state = fold(events)
    if (state.status, state.answer) != ("answered", ANSWER):
        yield f"the run ended {state.status}: {state.answer!r} {state.error!r}"
    called = {event.node for event in events if event.type == "node.started" and event.data["tool"]}
    ends = Counter(event.node for event in events if _is_outcome(event))
    for node in called:
        if ends[node] > 1:
            yield f"{node} has {ends[node]} outcomes"
    counted = by_node(calls)
    for node, end in state.outcomes.items():
        if end.status not in ("value", "failed", "skipped"):
            yield f"{node} ended {end.status}"
        if end.ok and node in called and node not in counted:
            yield f"{node} has a value and was never called"


def _is_outcome(event: Event) -> bool:
    return event.type == "node.ended" and event.data["status"] in ("value", "failed")
