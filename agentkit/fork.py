"""A run begun from another one, with one node changed: only what depends on it runs again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentkit.errors import UsageError
from agentkit.events import Event, EventType
from agentkit.fold import fold
from agentkit.journal.lease import OF_THE_QUEUE
from agentkit.plan.check import check_patch, scope_of
from agentkit.plan.graph import Call, Compute, Const, Guard, Map, Node, Patch
from agentkit.plan.jsonform import patch_to_json
from agentkit.record import Recorder
from agentkit.state import RunState, dependants, owner, unheard
from agentkit.tool import Tool
from agentkit.types import Json

_NODES: frozenset[EventType] = frozenset(
    ("node.started", "node.retried", "node.asked", "node.decided", "effect.intent",
     "effect.receipt", "node.ended")
)  # fmt: skip


def fork_patch(
    events: Sequence[Event],
    node: str,
    *,
    args: Mapping[str, Json],
    tool: str | None,
    tools: Mapping[str, Tool[..., Any]],
) -> Patch:
    """The change of the plan that a fork makes; it is checked like a planner's.

    `args` take the place of the arguments that they name; of a computed node `value` can be set, of
    a guard `test`. A call inside a map is named `notes.summarize_1`. Without a change the node runs
    anew as it was. Raises `UsageError` for a node that is not there, for what the check refuses,
    and where an effect of the run is in doubt.
    """
    state = fold(events)
    if state.status != "answered" and state.turn_ended not in ("answer", "end"):
        raise UsageError(f"run {state.run} stopped while it was still planned; resume it first")
    if names := ", ".join(unheard(state)):
        raise UsageError(
            f"nobody knows yet whether {names} of run {state.run} took effect, and a fork would do "
            "it again; resume the run or resolve it first"
        )
    name, _, inner = node.partition(".")
    if (old := state.plan.nodes.get(owner(name))) is None:
        known = ", ".join(state.plan.nodes) or "none"
        raise UsageError(f"run {state.run} has no node {node!r}; its nodes: {known}")
    patch = Patch(replace=(_changed(old, inner, args, tool),))
    checked = check_patch(scope_of(state.plan, tools), patch)
    if not checked.accepted:
        said = "; ".join(str(problem) for problem in checked.problems) or "the plan is not whole"
        raise UsageError(f"node {node} can not be changed so: {said}")
    return patch


def _changed(node: Node, inner: str, args: Mapping[str, Json], tool: str | None) -> Node:
    given = {name: Const(value) for name, value in args.items()}
    match node:
        case Call():
            return replace(node, tool=tool or node.tool, args={**node.args, **given})
        case Map() if not (inner or given or tool):
            return node
        case Map():
            named = [call for call in node.body if not inner or call.id == inner]
            if len(named) != 1:
                calls = ", ".join(f"{node.id}.{call.id}" for call in node.body)
                raise UsageError(f"say which call of {node.id} to change: {calls}")
            new = _changed(named[0], "", args, tool)
            assert isinstance(new, Call), "the body of a map is calls"
            body = tuple(new if call.id == new.id else call for call in node.body)
            return replace(node, body=body)
        case Compute() if not tool and given.keys() <= {"value"}:
            return replace(node, value=given.get("value", node.value))
        case Guard() if not tool and given.keys() <= {"test"}:
            return replace(node, test=given.get("test", node.test))
        case _:
            kind = type(node).__name__.lower()
            raise UsageError(
                f"{node.id} is no call but a {kind}: set `value` of a compute or `test` of a guard"
            )


def write_fork(
    recorder: Recorder, events: Sequence[Event], patch: Patch, *, created: Mapping[str, Json]
) -> None:
    """Writes the beginning of the new run: what it shares with the old one, then the change.

    Everything is copied but how the run ended, what models were asked (a fork's usage is what it
    spends itself), and the causal cone of the changed node: itself and all that needs it. What the
    planner decided after an `observe` stands. Effects in the cone are done again, under keys of the
    new run. `created` is what an agent says of itself when it begins a run. No worker claims it,
    and it is no call of another run.
    """
    state = fold(events)
    (node,) = patch.replace
    cone = {node.id, *dependants(state.plan.nodes, [node.id])}
    forked: dict[str, Json] = {"run": state.run, "node": node.id}
    own = {*OF_THE_QUEUE, "within"}
    asked = {name: value for name, value in events[0].data.items() if name not in own}
    recorder.record("run.created", data={**asked, **created, "forked": forked})
    for kind, name, data in _kept(events[1:], cone):
        recorder.record(kind, name, data)
    _change(recorder, state, patch)
    recorder.record("run.resumed")


def _kept(
    events: Sequence[Event], cone: set[str]
) -> Iterator[tuple[EventType, str | None, Mapping[str, Json]]]:
    for event in events:
        if event.type in ("plan.patched", "plan.refused"):
            yield event.type, None, event.data
        elif event.type == "plan.turn":
            told = event.data.get("told")
            names = told if isinstance(told, list) else []
            yield event.type, None, {**event.data, "told": [n for n in names if n not in cone]}
        elif event.type in _NODES and owner(event.node or "") not in cone:
            yield event.type, event.node, event.data


def _change(recorder: Recorder, state: RunState, patch: Patch) -> None:
    """A turn of its own; the planner is asked no more where it had said all."""
    ended = state.turn_ended if state.status == "paused" else "answer"
    patched: dict[str, Json] = {
        "turn": state.turn, "patch": patch_to_json(patch), "source": "",
    }  # fmt: skip
    recorder.record("plan.patched", data=patched)
    recorder.record("plan.turn", data={"turn": state.turn, "ended": ended, "told": []})
