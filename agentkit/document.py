"""A run as one JSON document: what `--json` prints, `agentkit show --json` reads back, and the
server gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentkit.budget import Spent, amounts, amounts_to_json
from agentkit.decisions import question_to_json
from agentkit.events import Event
from agentkit.fold import fold
from agentkit.spent import Ledger
from agentkit.state import caller
from agentkit.types import Json

_ENDS = ("status", "value", "failure", "seconds", "attempts")


def document(events: Sequence[Event]) -> dict[str, Json]:
    """The run so far: task, status, answer, what it rests on, each node that started, and each call
    that waits for somebody's approval.

    A node of a map's element has a name like `notes[3]`, a step that is a run of its own has the
    `run`, an effect whose node was replaced one like
    `send (replaced)`. `cost_usd` is null where a price is unknown. `spent` counts models and tools;
    of what is `unknown` there it is the least.
    """
    created, ended = _last(events, "run.created"), _last(events, "run.ended")
    return {
        "run": events[0].run if events else "",
        "task": text_of(created.get("task")),
        "model": text_of(created.get("model")),
        "status": text_of(ended.get("status")) or "running",
        "answer": ended.get("answer"),
        "output": ended.get("output"),
        "cites": ended.get("cites") or [],
        "error": ended.get("error"),
        "plan": plan_text(events),
        "steps": [*_steps(events).values()],
        "waiting": _waiting(events),
        "usage": _usage(events),
        "spent": _spent(events),
    }


def plan_text(events: Sequence[Event]) -> str:
    """What the planner wrote, statement by statement, in the order in which it was accepted."""
    written = (_source(event.data) for event in events if event.type == "plan.patched")
    return "\n".join(source.rstrip() for source in written if source.strip())


def _source(patched: Mapping[str, Json]) -> str:
    """As it was written; a patch that was none (a plan made by a program) is put into words."""
    source, patch = text_of(patched.get("source")), patched.get("patch")
    if source or not isinstance(patch, dict):
        return source
    from agentkit.plan.jsonform import patch_from_json
    from agentkit.plan.source import patch_source

    return patch_source(patch_from_json(patch))


def _steps(events: Sequence[Event]) -> dict[str, Json]:
    steps: dict[str, Json] = {}
    effects: set[str] = set()
    asked: dict[str, dict[str, Json]] = {}
    for event in events:
        name, data = event.node or "", event.data
        if event.type == "effect.intent":
            effects.add(name)
        elif event.type == "plan.patched":
            _set_aside(steps, effects, data.get("patch"))
        if event.type == "node.started":
            steps[name] = {
                "node": name,
                "tool": data.get("tool"),
                "args": data.get("args"),
                "status": "running",
                "started": event.time,
            } | {key: data[key] for key in ("run",) if key in data}
        elif event.type == "node.asked":
            asked[name] = {"node": name, "tool": data.get("tool"), "args": data.get("args")}
            if isinstance(step := steps.get(caller(name)), dict):
                steps[caller(name)] = {**step, "status": "waiting"}
        elif event.type == "node.decided" and data.get("verdict") == "done":
            # What somebody else has made, or says took effect, ends without `node.ended`.
            if name == caller(name):
                ended = {"status": "value", "value": data.get("value")}
                _end(steps, name, ended, asked.get(name, {}))
        elif event.type == "node.ended":
            _end(steps, name, data, {})
    return steps


def _end(
    steps: dict[str, Json], name: str, end: Mapping[str, Json], unstarted: Mapping[str, Json]
) -> None:
    """What a node came to, in place of what it had come to before."""
    before = steps.get(name)
    known = before if isinstance(before, dict) else {"node": name, **unstarted}
    kept = {key: value for key, value in known.items() if key not in _ENDS}
    steps[name] = {**kept, **{key: end[key] for key in _ENDS if key in end}}


def _set_aside(steps: dict[str, Json], effects: set[str], patch: Json) -> None:
    """An effect that was begun stays in sight, under another name, where its node is replaced."""
    changed = patch.get("replace") if isinstance(patch, dict) else None
    nodes = changed if isinstance(changed, list) else []
    names = {text_of(node.get("id")) for node in nodes if isinstance(node, dict)}
    for name in [each for each in effects if each.partition("[")[0] in names]:
        effects.discard(name)
        before = steps.pop(name, None)
        if isinstance(before, dict):
            steps[f"{name} (replaced)"] = {**before, "node": f"{name} (replaced)"}


def _waiting(events: Sequence[Event]) -> list[Json]:
    if not events or events[0].type != "run.created":
        return []  # only the last of a run's events
    asked = fold(events).asked.items()
    return [{"node": node, **question_to_json(question)} for node, question in asked]


def _usage(events: Sequence[Event]) -> dict[str, Json]:
    calls = [spent(e.data.get("usage")) for e in events if e.type == "model.answered"]
    costs = [cost for _, cost in calls]
    known = [cost for cost in costs if cost is not None]
    return {
        "model_calls": len(calls),
        "tokens": sum(tokens for tokens, _ in calls),
        "cost_usd": sum(known) if calls and len(known) == len(costs) else None,
    }


def _spent(events: Sequence[Event]) -> dict[str, Json]:
    spent = spent_by(events)
    known: dict[str, Json] = amounts_to_json(amounts(spent))
    return {**known, "unknown": [*sorted(spent.unknown)]}


def spent_by(events: Sequence[Event]) -> Spent:
    """What models and tools have cost together."""
    ledger = Ledger()
    for event in events:
        ledger.note(event)
    return ledger.spent()


def _last(events: Sequence[Event], type_: str) -> dict[str, Json]:
    found = [event for event in events if event.type == type_]
    return dict(found[-1].data) if found else {}


def spent(usage: Json) -> tuple[int, float | None]:
    """Tokens and dollars of one model call; dollars None where the price is unknown."""
    if not isinstance(usage, dict):
        return 0, None
    counts = (usage.get("input_tokens"), usage.get("output_tokens"))
    tokens = sum(count for count in counts if isinstance(count, int))
    cost = usage.get("cost_usd")
    return tokens, float(cost) if isinstance(cost, int | float | str) else None


def text_of(value: Json) -> str:
    """A text as it is; anything else that should have been one as nothing."""
    return value if isinstance(value, str) else ""
