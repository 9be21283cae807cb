"""What holds in every run, whatever failed in it: read from its events.

>>> from agentkit.events import Event
>>> created = Event("r1", 1, 0.0, "run.created", data={"task": "add"})
>>> check_run([created, Event("r1", 2, 0.0, "run.ended", data={"status": "answered"})])
>>> check_run([created])
Traceback (most recent call last):
AssertionError: run r1 breaks 1 rule:
  it has not ended: its last event is 1 (run.created)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from agentkit.engine.limits import Limits
from agentkit.events import Event, EventType
from agentkit.outcome import CUT_OFF, Outcome, outcome_from_json
from agentkit.plan.graph import Answer, Node, Patch, Plan
from agentkit.plan.jsonform import patch_from_json
from agentkit.plan.reach import cut_off
from agentkit.state import caller, dependants, owner


def check_run(
    events: Sequence[Event],
    *,
    limits: Limits | None = None,
    once: Collection[str] = (),
    ended: bool = True,
) -> None:
    """Raises `AssertionError`, naming each rule that the run breaks and the event that breaks it.

    - Its events are numbered without a gap, and it ends with exactly one `run.ended` (or with what
      was decided after it). With `ended=False` it may be cut off anywhere.
    - A node that starts has exactly one outcome. It starts anew only where the run was cut off, a
      patch replaced what it needs, or somebody resolved a doubt.
    - Once the run is answered, every node of the plan has an outcome, and none is `cancelled`,
      those apart that a patch left for nobody.
    - Only dependants of a node that came to no value are skipped: its siblings are kept.
    - An effect is announced before it is answered, and a call that waits for approval is not made.
    - A call of a tool named in `once` that was answered with a value is never made again.
    - The bounds in `limits` that events show hold: turns of the planner.
    """
    reading = _Reading(once=frozenset(once))
    for number, event in enumerate(events, start=1):
        if event.seq != number:
            reading.broken.append(f"expected event {number}; found {event.seq} ({event.type})")
            break
        reading.read(event)
    if ended and (not events or events[-1].type not in ("run.ended", "node.decided")):
        last = f"{events[-1].seq} ({events[-1].type})" if events else "none"
        reading.broken.append(f"it has not ended: its last event is {last}")
    reading.end(events, limits)
    if reading.broken:
        count = f"{len(reading.broken)} rule{'s' * (len(reading.broken) > 1)}"
        run = events[0].run if events else "(none)"
        raise AssertionError("\n  ".join([f"run {run} breaks {count}:", *reading.broken]))


@dataclass(slots=True)
class _Reading:
    """Where each node stands while the events are read."""

    once: frozenset[str]
    broken: list[str] = field(default_factory=list[str])
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    started: dict[str, str] = field(default_factory=dict[str, str])
    """Tool by the node that runs."""
    outcomes: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    asked: set[str] = field(default_factory=set[str])
    said: set[str] = field(default_factory=set[str])
    """Nodes that ended because somebody said what they came to; a run that goes on tells it too."""
    displaced: set[str] = field(default_factory=set[str])
    """Nodes that ran when a patch took their place: each still ends, cancelled."""
    answer: Answer | None = None
    cut: set[str] = field(default_factory=set[str])
    """Nodes that nothing needs any more since a patch: they may end cancelled, or not begin."""
    intents: set[str] = field(default_factory=set[str])
    values: set[str] = field(default_factory=set[str])
    """Keys of effects that were answered with a value."""
    over: bool = False

    def read(self, event: Event) -> None:
        goes_on = event.type in ("run.resumed", "node.decided")
        if (event.type == "run.created") is not (event.seq == 1):
            self.say(event, "only the first event is run.created")
        if self.over and not goes_on:
            self.say(event, "comes after run.ended, without run.resumed between")
        step = _STEPS.get(event.type)
        if step is not None:
            step(self, event, cast("dict[str, Any]", event.data))

    def say(self, event: Event, what: str) -> None:
        about = f" of {event.node}" if event.node else ""
        self.broken.append(f"event {event.seq} ({event.type}{about}): {what}")

    def forget(self, names: set[str]) -> None:
        for known in (self.outcomes, self.started):
            for name in [each for each in known if owner(each) in names]:
                if known is self.started:
                    self.displaced.add(name)
                del known[name]
        self.asked -= {name for name in self.asked if owner(name) in names}

    def end(self, events: Sequence[Event], limits: Limits | None) -> None:
        if self.over and (left := self.started.keys() | self.displaced):
            names = ", ".join(sorted(left))
            self.broken.append(f"the run has ended, and these started and did not: {names}")
        last = events[-1] if events else None
        if last is not None and last.type == "run.ended" and last.data["status"] == "answered":
            for name in self.nodes:
                end = self.outcomes.get(name)
                if name not in self.cut and (end is None or end.status == "cancelled"):
                    found = "none" if end is None else end.status
                    self.broken.append(f"it is answered, and {name} has no outcome ({found})")
        if limits is not None:
            turns = sum(event.type == "plan.turn" for event in events)
            most = 1 + limits.replans + limits.repairs
            if turns > most:
                self.broken.append(f"expected at most {most} turns of the planner; found {turns}")


def _patched(reading: _Reading, event: Event, data: dict[str, Any]) -> None:
    patch: Patch = patch_from_json(data["patch"])
    changed = {*patch.remove, *(node.id for node in patch.replace)}
    if changed:
        anew = changed | dependants(reading.nodes, changed)
        lost = cut_off(Plan(nodes=reading.nodes, answer=reading.answer), patch)
        reading.forget(anew)
        reading.cut = (reading.cut - anew) | lost
    reading.answer = patch.answer or reading.answer
    for name in patch.remove:
        reading.nodes.pop(name, None)
    for node in (*patch.replace, *patch.add):
        reading.nodes[node.id] = node


def _resumed(reading: _Reading, event: Event, data: dict[str, Any]) -> None:
    reading.started.clear()
    reading.displaced.clear()
    ends = list(reading.outcomes.items())
    for name in [one for one, end in ends if end.status == "cancelled" and end != CUT_OFF]:
        del reading.outcomes[name]
    reading.over = False


def _started(reading: _Reading, event: Event, data: dict[str, Any]) -> None:
    node = event.node or ""
    if node in reading.started:
        reading.say(event, "started before and has not ended")
    if node in reading.outcomes:
        reading.say(event, f"has ended before: {reading.outcomes[node].status}")
    if node in reading.asked:
        reading.say(event, "starts while it waits for approval")
    reading.asked -= {name for name in reading.asked if caller(name) == node}
    reading.started[node] = data.get("tool") or ""


def _asked(reading: _Reading, event: Event, data: dict[str, Any]) -> None:
    node = event.node or ""
    reading.asked.add(node)
    if (call := caller(node)) != node:
        reading.started.pop(call, None)  # it is a run of its own, which has paused


def _decided(reading: _Reading, event: Event, data: dict[str, Any]) -> None:
    node, verdict = event.node or "", data["verdict"]
    waited = node in reading.asked
    reading.asked.discard(node)
    if verdict in ("approve", "deny") or caller(node) != node:
        return
    if reading.over or not waited:
        _reopened(reading, node)
    if verdict == "done":
        reading.outcomes[node] = Outcome("value", data.get("value"))
        reading.said.add(node)
        reading.values.add(data["key"])


def _reopened(reading: _Reading, node: str) -> None:
    top = owner(node)
    reading.forget(dependants(reading.nodes, {top}))
    for name, end in list(reading.outcomes.items()):
        around = name in (node, top) or node.startswith(f"{name}.")
        if around or (owner(name) == top and end.status == "skipped"):
            del reading.outcomes[name]


def _intent(reading: _Reading, event: Event, data: dict[str, Any]) -> None:
    tool = reading.started.get(event.node or "")
    if tool is None:
        reading.say(event, "announces an effect and has not started")
    if data["key"] in reading.values and tool in reading.once:
        reading.say(event, f"repeats what {tool} did: its key has a receipt")
    reading.intents.add(data["key"])


def _receipt(reading: _Reading, event: Event, data: dict[str, Any]) -> None:
    end = reading.outcomes.get(event.node or "")
    if end is None and event.node not in reading.displaced:
        reading.say(event, "a receipt without an outcome")
    if data["key"] not in reading.intents:
        reading.say(event, "a receipt of what was not announced")
    if end is not None and end.ok:
        reading.values.add(data["key"])


def _ended(reading: _Reading, event: Event, data: dict[str, Any]) -> None:
    node, end = event.node or "", outcome_from_json(data)
    if node in reading.displaced:
        reading.displaced.discard(node)
        if end.status not in ("cancelled", "in_doubt"):
            reading.say(event, f"a patch took its place while it ran; ended {end.status}")
        return
    if node in reading.outcomes and not (end.ok and node in reading.said):
        reading.say(event, f"{end.status}, but ended before: {reading.outcomes[node].status}")
    if end.status == "skipped" and node in reading.nodes:
        _skipped(reading, event, end)
    reading.started.pop(node, None)
    reading.asked.discard(node)
    reading.said.discard(node)
    reading.outcomes[node] = end


def _skipped(reading: _Reading, event: Event, end: Outcome) -> None:
    cause = end.failure.cause if end.failure is not None else None
    if cause is None or event.node not in dependants(reading.nodes, {cause}):
        reading.say(event, f"skipped because of {cause}, which it does not need")
        return
    root = reading.outcomes.get(cause, CUT_OFF if cause in reading.cut else None)
    if root is None or (root.ok and not (end.failure and end.failure.kind == "Guarded")):
        reading.say(event, f"skipped because of {cause}, which came to {root and root.status}")


def _run_ended(reading: _Reading, event: Event, data: dict[str, Any]) -> None:
    reading.over = True


_Step: TypeAlias = Callable[[_Reading, Event, dict[str, Any]], None]
_STEPS: Mapping[EventType, _Step] = {
    "plan.patched": _patched,
    "run.resumed": _resumed,
    "node.started": _started,
    "node.asked": _asked,
    "node.decided": _decided,
    "effect.intent": _intent,
    "effect.receipt": _receipt,
    "node.ended": _ended,
    "run.ended": _run_ended,
}
