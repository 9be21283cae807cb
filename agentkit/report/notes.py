"""What each event changes in the chronicle of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from agentkit.decisions import BUDGET, decision_from_json, question_from_json
from agentkit.events import Event, EventType
from agentkit.outcome import outcome_from_json
from agentkit.plan.jsonform import patch_from_json
from agentkit.report.track import Track
from agentkit.report.view import Asked, Attempt, Link, Span, Turn
from agentkit.state import Refusal, caller, usage_from_json

if TYPE_CHECKING:
    from agentkit.report.chronicle import Chronicle

Data: TypeAlias = "dict[str, Any]"

_OWN = frozenset(("plan", "answer"))
"""What a run asks models for itself, rather than one of its steps."""


def noted(told: Chronicle, event: Event) -> Iterable[str]:
    """Note the event; the names of the steps that look different now."""
    note = _NOTES.get(event.type)
    return () if note is None else note(told, event.node or "", cast("Data", event.data))


def _patched(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    patch = patch_from_json(data["patch"])
    for name in patch.remove:
        told.set_aside(name, "removed")
    for each in patch.replace:
        told.set_aside(each.id, "replaced")
    for each in (*patch.replace, *patch.add):
        told.track(each.id).since_s = told.now_s
    _turn_of(told, data["turn"])
    if source := data.get("source"):
        last = told.turns[-1]
        told.turns[-1] = replace(last, source=f"{last.source}{source.rstrip()}\n")
    changed = patch.remove or patch.replace
    return [*told.tracks] if changed else [each.id for each in patch.add]


def _refused(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    _turn_of(told, data["turn"])
    refusal = Refusal(data["turn"], data["source"], tuple(data["problems"]))
    last = told.turns[-1]
    told.turns[-1] = replace(last, refusals=(*last.refusals, refusal))
    return ()


def _turn(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    _turn_of(told, data["turn"])
    names = tuple(Link(name, told.anchor_of(name)) for name in data.get("told") or ())
    told.turns[-1] = replace(told.turns[-1], ended=data["ended"], told=names)
    return ()


def _turn_of(told: Chronicle, number: int) -> None:
    if told.turns[-1].number != number:
        told.turns.append(Turn(number=number))


def _resumed(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    for track in told.tracks.values():
        track.wait(told.now_s)
    told.writing = ""
    return [*told.tracks]


def _run_ended(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    for track in told.tracks.values():
        track.close(told.now_s)
    return [*told.tracks]


def _started(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    track = told.track(node)
    track.tool, track.args = data.get("tool") or "", data.get("args")
    track.inner, track.elements = data.get("run") or "", data.get("elements") or 0
    track.progress = ""
    track.begin("run", told.now_s)
    return _with_above(told, track)


def _retried(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    track = told.track(node)
    track.retries.append(Attempt(data["attempt"], str(data["error"]), data["wait_s"]))
    track.retry(told.now_s, data["wait_s"])
    return _with_above(told, track)


def _asked(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    question = question_from_json(node, data)
    if node == BUDGET:
        told.questions.append(question)
        return ()
    track = told.track(caller(node))
    track.questions[question.key] = question
    if node == track.name:
        track.tool, track.args, track.effect = question.tool, dict(question.args), question.effect
    track.begin("asked", told.now_s)
    return _with_above(told, track)


def _decided(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    decision = decision_from_json(node, data)
    if node == BUDGET:
        told.decisions.append(decision)
        return ()
    track = told.track(caller(node))
    track.decisions.append(decision)
    if decision.verdict in ("done", "not_done"):
        return [*told.tracks]
    track.wait(told.now_s)
    return _with_above(told, track)


def _intent(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    track = told.track(node)
    track.effect = track.effect or "effect"
    return (node,)


def _ended(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    track = told.track(node)
    track.progress = ""
    track.outcome = outcome_from_json(data)
    track.end(told.now_s, data["seconds"])
    touched = _with_above(told, track)
    failure = track.outcome.failure
    if failure is None or failure.cause is None:
        return touched
    cause = failure.cause
    kept_out = told.blocked.setdefault(cause, [])
    if node not in kept_out:
        kept_out.append(node)
    return [*touched, cause] if cause in told.tracks else touched


def _progress(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    track = told.track(node)
    of = "" if data.get("total") is None else f" of {data['total']:g}"
    track.progress = f"{data.get('done') or 0:g}{of} {data.get('unit') or ''}".strip()
    return _with_above(told, track)


def _with_above(told: Chronicle, track: Track) -> list[str]:
    """The step and those that it is shown in."""
    names = [track.name]
    while track.above:
        names.append(track.above)
        track = told.tracks[track.above]
    return names


def _called(told: Chronicle, call: str, data: Data) -> Iterable[str]:
    span = Span("run", told.now_s)
    asked = Asked(
        call=call, purpose=data["purpose"], model=data.get("model") or "",
        prompt_sha256=data["prompt_sha256"], span=span,
    )  # fmt: skip
    return _model(told, asked)


def _answered(told: Chronicle, call: str, data: Data) -> Iterable[str]:
    by, _ = _by(told, call, "")
    before = told.models if by is None else by.models
    seconds: float = data.get("seconds") or 0.0
    asked = before.get(call) or Asked(
        call=call, purpose="", model="", prompt_sha256="", span=Span("run", told.now_s - seconds)
    )
    error = cast("Data", data.get("error") or {})
    answered = replace(
        asked,
        span=asked.span._replace(end_s=told.now_s),
        text=data.get("text") or "",
        calls=data.get("calls"),
        finish=data.get("finish"),
        error=f"{error.get('kind')}: {error.get('message')}" if error else "",
        usage=usage_from_json(data["usage"]),
    )
    return _model(told, answered)


def _model(told: Chronicle, asked: Asked) -> Iterable[str]:
    by, touched = _by(told, asked.call, asked.purpose)
    calls = told.models if by is None else by.models
    calls[asked.call] = asked
    return touched


def _by(told: Chronicle, call: str, purpose: str) -> tuple[Track | None, Iterable[str]]:
    """The step that asks a model, None where the run does; what looks different then."""
    name = caller(call.rpartition("/model_")[0])
    track = told.tracks.get(name)
    if track is None or call in told.models or (name in _OWN and purpose == name):
        return None, ()
    return track, _with_above(told, track)


def _answer(told: Chronicle, node: str, data: Data) -> Iterable[str]:
    told.writing += str(data.get("text") or "")
    return ()


_Note: TypeAlias = "Callable[[Chronicle, str, Data], Iterable[str]]"
_NOTES: Mapping[EventType, _Note] = {
    "run.resumed": _resumed,
    "plan.patched": _patched,
    "plan.refused": _refused,
    "plan.turn": _turn,
    "model.called": _called,
    "model.answered": _answered,
    "node.started": _started,
    "node.retried": _retried,
    "node.asked": _asked,
    "node.decided": _decided,
    "effect.intent": _intent,
    "node.ended": _ended,
    "run.ended": _run_ended,
    "node.progress": _progress,
    "answer.text": _answer,
}
