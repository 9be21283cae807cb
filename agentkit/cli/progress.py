"""What a run looks like to whoever follows it: a fold of its events, and rows made from that.

Nothing here reads a clock or writes anywhere; the same events give the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from agentkit.decisions import BUDGET
from agentkit.document import spent, text_of
from agentkit.events import Event
from agentkit.state import caller, owner
from agentkit.text import arguments, digest, one_line
from agentkit.types import Json

State: TypeAlias = Literal["wait", "run", "ok", "fail", "skip", "stop", "deny", "doubt"]
"""How far a node is, in the word that plain output shows."""

_ENDED: Mapping[str, State] = {
    "value": "ok",
    "failed": "fail",
    "skipped": "skip",
    "cancelled": "stop",
    "denied": "deny",
    "in_doubt": "doubt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A node: what it calls, how far it is, and one short text about it.

    `since` is when it started, in seconds since the epoch; `done` and `total` count the elements
    of a map; `cause` names the node that made this one be skipped; `effect` says whether it has
    begun to change something: then it is shown even when the plan has it no more.
    """

    node: str
    what: str = ""
    state: State = "wait"
    detail: str = ""
    since: float | None = None
    seconds: float | None = None
    done: int = 0
    total: int = 0
    cause: str | None = None
    effect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A run so far. `elapsed_s` counts to the last event, without the time in which the run was
    stopped; `answer` grows while it is written.
    """

    run: str = ""
    task: str = ""
    rows: Mapping[str, Row] = field(default_factory=dict[str, Row])
    turn: int = 0
    tokens: int = 0
    cost_usd: float | None = None
    began: float | None = None
    elapsed_s: float = 0.0
    thinking: str | None = None
    answer: str = ""
    status: str = "running"
    cites: tuple[str, ...] = ()
    error: str = ""


def fold(progress: Progress, event: Event) -> Progress:
    """The progress after one more event; events it has no use for change only the time."""
    began = event.time if progress.began is None else progress.began
    if event.type == "run.resumed":
        began = event.time - progress.elapsed_s
    progress = replace(progress, began=began, elapsed_s=max(0.0, event.time - began))
    family = event.type.partition(".")[0]
    if family in ("node", "effect") and event.node is not None:
        return _node(progress, event, event.node)
    if family == "plan":
        return _plan(progress, event)
    if family == "model" or family == "answer":
        return _model(progress, event)
    if family == "run":
        return _run(progress, event)
    return progress


def stopped(progress: Progress, now: float) -> Progress:
    """The progress once nothing runs any more, whatever its events still say."""
    elapsed_s = progress.elapsed_s if progress.began is None else now - progress.began
    rows = {
        name: replace(row, state="stop", detail=row.detail or "stopped")
        if row.state == "run"
        else row
        for name, row in progress.rows.items()
    }
    return replace(progress, rows=rows, elapsed_s=elapsed_s, status="cancelled", thinking=None)


def _run(progress: Progress, event: Event) -> Progress:
    data = event.data
    if event.type == "run.created":
        return replace(progress, run=event.run, task=text_of(data.get("task")))
    if event.type == "run.resumed":
        return replace(progress, run=event.run, status="running", error="")
    cites = data.get("cites")
    return replace(
        progress,
        status=text_of(data.get("status")),
        answer=text_of(data.get("answer")) or progress.answer,
        cites=tuple(str(cite) for cite in cites) if isinstance(cites, list) else (),
        error=error_of(data.get("error")),
        thinking=None,
    )


def _plan(progress: Progress, event: Event) -> Progress:
    turn = event.data.get("turn")
    if isinstance(turn, int):
        progress = replace(progress, turn=turn)
    if event.type != "plan.patched":
        return progress
    rows = dict(progress.rows)
    patch = event.data.get("patch")
    for removed in map(str, _listed(patch, "remove")):
        row = rows.pop(removed, None)
        if row is not None and row.effect:
            rows[removed] = replace(row, what=f"{row.what} (removed)")
    for node in (*_listed(patch, "replace"), *_listed(patch, "add")):
        if isinstance(node, dict):
            name = text_of(node.get("id"))
            _set_aside(rows, name)
            rows[name] = Row(node=name, what=what_of(node))
    return replace(progress, rows=rows)


def _set_aside(rows: dict[str, Row], name: str) -> None:
    """An effect that was begun stays in sight, under another name, where its node is replaced."""
    row = rows.pop(name, None)
    if row is not None and row.effect:
        state: State = "doubt" if row.state == "run" else row.state
        rows[f"{name} (replaced)"] = replace(row, node=f"{name} (replaced)", state=state)


def _model(progress: Progress, event: Event) -> Progress:
    data = event.data
    if event.type == "model.called":
        return replace(progress, thinking=text_of(data.get("purpose")))
    if event.type == "answer.text":
        return replace(progress, answer=progress.answer + text_of(data.get("text")))
    if event.type != "model.answered":
        return progress
    tokens, cost = spent(data.get("usage"))
    known = progress.cost_usd if cost is None else (progress.cost_usd or 0.0) + cost
    return replace(progress, tokens=progress.tokens + tokens, cost_usd=known, thinking=None)


def _node(progress: Progress, event: Event, name: str) -> Progress:
    top = name if name == BUDGET else owner(name)
    row = progress.rows.get(top, Row(node=top))
    if event.type.startswith("effect."):
        row = replace(row, effect=True)
    elif caller(name) != name and name != BUDGET:
        row = _of_inner_run(row, event, name)
    else:
        row = _of_element(row, event) if top != name else _of_node(row, event)
    return replace(progress, rows={**progress.rows, top: row})


def _of_inner_run(row: Row, event: Event, name: str) -> Row:
    """What the run that a call is waits for, told in the row of the call."""
    inside = name if "[" in caller(name) else name.partition("/")[2]
    if event.type == "node.decided":
        return replace(row, state="wait", detail=f"{inside}: {text_of(event.data.get('verdict'))}")
    args, why = event.data.get("args"), text_of(event.data.get("why"))
    call = f"{text_of(event.data.get('tool'))} {arguments(args) if isinstance(args, dict) else ''}"
    others = f"{row.detail}; " if row.state == "wait" and row.detail.startswith("waits: ") else ""
    about = f"{inside} = {call.strip()}: {why}"
    return replace(row, state="wait", detail=f"{others}{about}" if others else f"waits: {about}")


def _of_element(row: Row, event: Event) -> Row:
    """A map's row counts its elements; the calls inside one are below what a row shows."""
    if event.type == "node.ended" and (event.node or "").endswith("]"):
        return replace(row, done=row.done + 1)
    if event.type == "node.started" and row.state == "wait":
        return replace(row, state="run", detail="")
    return row


def _of_node(row: Row, event: Event) -> Row:
    data = event.data
    if event.type == "node.started":
        args = data.get("args")
        shown = arguments(args) if isinstance(args, dict) else ""
        tool = text_of(data.get("tool")) or row.what
        elements = data.get("elements")
        return replace(
            row,
            what=f"{tool} {shown}".strip(),
            state="run",
            since=event.time,
            total=elements if isinstance(elements, int) else 0,
        )
    if event.type == "node.retried":
        attempt = data.get("attempt")
        return replace(row, detail=f"attempt {attempt} failed: {error_of(data.get('error'))}")
    if event.type == "node.progress":
        return replace(row, detail=how_far(data))
    if event.type == "node.asked":
        args = data.get("args")
        shown = arguments(args) if isinstance(args, dict) else ""
        what = f"{text_of(data.get('tool'))} {shown}".strip()
        return replace(row, what=what, state="wait", detail=f"waits: {text_of(data.get('why'))}")
    if event.type == "node.decided":
        return replace(row, state="wait", detail=f"decided: {text_of(data.get('verdict'))}")
    failure = data.get("failure")
    cause = failure.get("cause") if isinstance(failure, dict) else None
    seconds = data.get("seconds")
    return replace(
        row,
        state=_ENDED.get(text_of(data.get("status")), "fail"),
        detail=error_of(failure) if failure else digest(data.get("value")),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        cause=text_of(cause) or None,
    )


def what_of(node: Mapping[str, Json]) -> str:
    """What a planned node (in the plan's JSON form) will do: a tool's name, or a few words."""
    if "tool" in node:
        return text_of(node["tool"])
    if "over" in node:
        body = node.get("body")
        calls = body if isinstance(body, list) else []
        tools = [text_of(call.get("tool")) for call in calls if isinstance(call, dict)]
        return one_line(f"{', '.join(tools)} for each of {_source(node['over'])}", 60)
    for kind, word in (("compute", ""), ("guard", "if "), ("observe", "observe ")):
        if kind in node:
            return one_line(word + _source(node[kind]), 60)
    return ""


def _source(arg: Json) -> str:
    """An argument of the JSON form as text: `{"$": source}` is a reference or an expression."""
    if isinstance(arg, list):
        return ", ".join(map(_source, arg))
    if isinstance(arg, dict) and "$" in arg:
        return text_of(arg["$"])
    return digest(arg)


def how_far(data: Mapping[str, Json]) -> str:
    """`41 of 190 s` from a progress event."""
    done, total, unit = data.get("done"), data.get("total"), text_of(data.get("unit"))
    shown = f"{done:g}" if isinstance(done, int | float) else ""
    if isinstance(total, int | float):
        shown += f" of {total:g}"
    return f"{shown} {unit}".strip()


def error_of(error: Json) -> str:
    """An error's message, whether it is a text or a failure's JSON form."""
    if isinstance(error, dict):
        return one_line(text_of(error.get("message")), 200)
    return one_line(text_of(error), 200)


def _listed(patch: Json, key: str) -> list[Json]:
    found = patch.get(key) if isinstance(patch, dict) else None
    return found if isinstance(found, list) else []
