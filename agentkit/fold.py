"""The fold of a run's events: what makes its state, no clock, no I/O.

>>> from agentkit.events import Event
>>> created = {"task": "add", "inputs": {"n": {"schema": {"type": "integer"}, "value": 2}}}
>>> state = fold([Event("r1", 1, 0.0, "run.created", data=created)])
>>> state.status, state.inputs
('running', {'n': 2})
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from agentkit.decisions import BUDGET, Decision, Question, decision_from_json, question_from_json
from agentkit.events import Event, EventType
from agentkit.messages import Usage
from agentkit.outcome import CUT_OFF, Outcome, outcome_from_json
from agentkit.plan.graph import Answer, Node, Patch, Plan
from agentkit.plan.jsonform import patch_from_json
from agentkit.plan.reach import below, cut_off
from agentkit.spent import Ledger
from agentkit.state import ModelCall, Refusal, RunState, caller, dependants, owner, usage_from_json
from agentkit.types import Schema


def fold(events: Iterable[Event]) -> RunState:
    """The state after these events of one run, in their order. Linear in their number."""
    folded = Fold()
    for event in events:
        folded.note(event)
    return folded.state()


@dataclass(slots=True)
class Fold:
    """A run's state while events come: the same facts in containers that grow."""

    run: str = ""
    seq: int = 0
    created: dict[str, Any] = field(default_factory=dict[str, Any])
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    answer: Answer | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    started: set[str] = field(default_factory=set[str])
    intents: dict[str, str] = field(default_factory=dict[str, str])
    effects: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    asked: dict[str, Question] = field(default_factory=dict[str, Question])
    inner: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """What is asked below a call that is a run of its own."""
    decisions: dict[str, Decision] = field(default_factory=dict[str, Decision])
    turn: int = 0
    turn_ended: str | None = None
    turn_grew: bool = False
    repairs: int = 0
    told: set[str] = field(default_factory=set[str])
    turn_changes: list[_Change] = field(default_factory=list["_Change"])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    calls: dict[str, ModelCall] = field(default_factory=dict[str, ModelCall])
    usage: Usage = field(default_factory=Usage)
    ledger: Ledger = field(default_factory=Ledger)
    ended: dict[str, Any] = field(default_factory=dict[str, Any])

    def note(self, event: Event, patch: Patch | None = None) -> None:
        """One more event of the run. `patch` is what its data was made of, where that is at hand:
        the check refuses what would not be read back as it is."""
        self.run, self.seq = event.run, event.seq
        self.ledger.note(event)
        data: Any = event.data
        if event.type == "plan.patched":
            _patched(self, patch or patch_from_json(data["patch"]))
        elif (step := _STEPS.get(event.type)) is not None:
            step(self, event.node or "", data)

    def state(self) -> RunState:
        """The state as of now; it stays as it is when more is noted."""
        created, ended = self.created, self.ended
        inputs = created.get("inputs", {})
        schemas = {name: each.get("schema", {}) for name, each in inputs.items()}
        return RunState(
            run=self.run,
            seq=self.seq,
            task=created.get("task", ""),
            agent=created.get("agent") or "",
            origin=created.get("origin") or "",
            session=created.get("session"),
            model=created.get("model") or "",
            tools=tuple(created.get("tools", ())),
            inputs={name: each.get("value") for name, each in inputs.items()},
            plan=Plan(inputs=schemas, nodes=dict(self.nodes), answer=self.answer),
            outcomes=dict(self.outcomes),
            started=frozenset(self.started),
            intents=dict(self.intents),
            effects=dict(self.effects),
            asked=dict(self.asked),
            decisions=dict(self.decisions),
            turn=self.turn,
            turn_ended=self.turn_ended,
            turn_grew=self.turn_grew,
            repairs=self.repairs,
            told=frozenset(self.told),
            turn_plan=self._turn_plan(schemas),
            turn_patches=tuple(change.patch for change in self.turn_changes),
            refusals=tuple(self.refusals),
            calls=dict(self.calls),
            usage=self.usage,
            spent=self.ledger.spent(),
            status=ended.get("status", "running"),
            answer=ended.get("answer"),
            output=ended.get("output"),
            cites=tuple(ended.get("cites") or ()),
            error=ended.get("error"),
            error_kind=ended.get("kind"),
        )

    def _turn_plan(self, inputs: Mapping[str, Schema]) -> Plan:
        nodes, answer = dict(self.nodes), self.answer
        for change in reversed(self.turn_changes):
            for each in change.patch.add:
                nodes.pop(each.id, None)
            nodes |= change.displaced
            answer = change.answer
        return Plan(inputs=inputs, nodes=nodes, answer=answer)


@dataclass(frozen=True, slots=True)
class _Change:
    """A patch of the open turn, with the nodes and the answer that it took the place of."""

    patch: Patch
    displaced: Mapping[str, Node]
    answer: Answer | None


def _patched(build: Fold, patch: Patch) -> None:
    changed = {*patch.remove, *(each.id for each in patch.replace)}
    displaced = {name: build.nodes[name] for name in changed if name in build.nodes}
    build.turn_changes.append(_Change(patch, displaced, build.answer))
    lost = cut_off(Plan(nodes=build.nodes, answer=build.answer), patch) if changed else None
    if changed:
        _forget(build, changed | dependants(build.nodes, changed))
    for name in patch.remove:
        build.nodes.pop(name, None)
    for each in (*patch.replace, *patch.add):
        build.nodes[each.id] = each
    build.answer = patch.answer or build.answer
    build.turn_ended = None
    if lost:
        begun = {owner(each) for each in build.intents} - build.outcomes.keys()
        for name in lost - below(build.nodes, begun):
            build.outcomes.setdefault(name, CUT_OFF)


def _forget(build: Fold, names: set[str]) -> None:
    """Drop what these nodes came to, elements of maps included: they will run anew."""
    for name in [each for each in build.outcomes if owner(each) in names]:
        del build.outcomes[name]
    build.started -= {name for name in build.started if owner(name) in names}
    for name in [each for each in build.asked if owner(each) in names]:
        del build.asked[name]


def _resumed(build: Fold, node: str, data: dict[str, Any]) -> None:
    ends = build.outcomes.items()
    for name in [each for each, end in ends if end.status == "cancelled" and end != CUT_OFF]:
        del build.outcomes[name]
    build.started.clear()
    build.asked.pop(BUDGET, None)  # asked anew where it is still a question
    build.ended = {}


def _started(build: Fold, node: str, data: dict[str, Any]) -> None:
    build.started.add(node)
    _asked_anew(build, node)


def _intent(build: Fold, node: str, data: dict[str, Any]) -> None:
    build.intents[node] = data["key"]


def _receipt(build: Fold, node: str, data: dict[str, Any]) -> None:
    build.intents.pop(node, None)
    if (end := build.outcomes.get(node)) is not None and end.ok:
        build.effects[data["key"]] = end


def _asked(build: Fold, node: str, data: dict[str, Any]) -> None:
    build.asked[node] = question_from_json(node, data)
    if (call := caller(node)) != node:
        build.started.discard(call)
        build.inner.setdefault(call, []).append(node)


def _asked_anew(build: Fold, node: str) -> None:
    """What the run that this call is waited for: it goes on, and asks again what is left of it."""
    for name in build.inner.pop(node, ()):
        build.asked.pop(name, None)


def _decided(build: Fold, node: str, data: dict[str, Any]) -> None:
    decision = decision_from_json(node, data)
    waited = build.asked.pop(node, None) is not None
    build.decisions[decision.key] = decision
    if decision.verdict in ("approve", "deny") or caller(node) != node:
        return  # what comes of it is told by the call, or by the run that the call is
    if build.ended or not waited:
        _reopen(build, node)
    build.intents.pop(node, None)
    if decision.verdict == "done":
        end = Outcome("value", decision.value)
        build.outcomes[node] = build.effects[decision.key] = end


def _reopen(build: Fold, node: str) -> None:
    """Drop what a node in doubt came to, and all that came of it: the run goes on from there."""
    top = owner(node)
    _forget(build, dependants(build.nodes, {top}))
    around = {name for name in build.outcomes if name == top or node.startswith(f"{name}.")}
    kept_out = {name for name, end in build.outcomes.items() if end.status == "skipped"}
    for name in {node, *around, *(each for each in kept_out if owner(each) == top)}:
        build.outcomes.pop(name, None)
    build.ended = {}


def _ended(build: Fold, node: str, data: dict[str, Any]) -> None:
    build.started.discard(node)
    build.asked.pop(node, None)
    _asked_anew(build, node)
    build.outcomes[node] = outcome_from_json(data)


def _refused(build: Fold, node: str, data: dict[str, Any]) -> None:
    build.refusals.append(Refusal(data["turn"], data["source"], tuple(data["problems"])))
    build.turn_ended = None


def _turn(build: Fold, node: str, data: dict[str, Any]) -> None:
    build.turn, build.turn_ended = data["turn"] + 1, data["ended"]
    build.turn_grew = bool(build.turn_changes)
    build.repairs += data["ended"] == "problems"
    build.told |= {*data.get("told", ())}  # journals of before this was noted lack it
    build.turn_changes.clear()


def _called(build: Fold, node: str, data: dict[str, Any]) -> None:
    build.calls[node] = ModelCall(data["purpose"], data["prompt_sha256"])


def _answered(build: Fold, node: str, data: dict[str, Any]) -> None:
    asked = build.calls.get(node) or ModelCall("", "")
    build.calls[node] = ModelCall(asked.purpose, asked.prompt_sha256, data)
    build.usage += usage_from_json(data["usage"])


def _created(build: Fold, node: str, data: dict[str, Any]) -> None:
    build.created = data


def _run_ended(build: Fold, node: str, data: dict[str, Any]) -> None:
    build.ended = data


_Step: TypeAlias = Callable[[Fold, str, dict[str, Any]], None]
_STEPS: Mapping[EventType, _Step] = {
    "run.created": _created,
    "run.resumed": _resumed,
    "plan.refused": _refused,
    "plan.turn": _turn,
    "model.called": _called,
    "model.answered": _answered,
    "node.started": _started,
    "node.asked": _asked,
    "node.decided": _decided,
    "effect.intent": _intent,
    "effect.receipt": _receipt,
    "node.ended": _ended,
    "run.ended": _run_ended,
}
