"""Frozen views of a chronicle: of one step, and of the whole run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentkit.budget import amounts, shown
from agentkit.outcome import Outcome
from agentkit.plan.graph import Call, Node
from agentkit.report.arguments import arguments, kind_of, statement
from agentkit.report.track import Track
from agentkit.report.view import Input, Link, Shown, Step, View
from agentkit.state import caller, owner

if TYPE_CHECKING:
    from agentkit.report.chronicle import Chronicle

MOST_INSIDE = 100
"""Elements of a map that are shown one by one; those that failed are shown besides."""


def step(told: Chronicle, track: Track) -> Step:
    """The step as of now."""
    outcome = _outcome(told, track)
    failure = None if outcome is None else outcome.failure
    when = getattr(track.node, "when", None)
    inside = _inside(told, track)
    started = outcome is not None and (outcome.attempts > 0 or outcome.ok)
    return Step(
        name=track.name,
        anchor=track.anchor,
        kind=kind_of(track.node, track.name),
        status=_status(told, track, outcome),
        tool=track.tool or getattr(track.node, "tool", ""),
        statement=statement(track.node, track.name),
        turn=track.turn,
        was=track.was,
        effect=track.effect,
        arguments=arguments(track, _map(told, track), told.anchor_of),
        guard=None if when is None else _link(told, when.guard, "" if when.holds else "not "),
        value=None if outcome is None else outcome.value,
        failure=failure,
        cause=None if failure is None or failure.cause is None else _link(told, failure.cause),
        blocks=_blocks(told, track),
        seconds=outcome.seconds if started and outcome is not None else None,
        cost=_cost(outcome),
        spans=tuple(track.spans),
        attempts=0 if outcome is None else outcome.attempts,
        retries=tuple(track.retries),
        questions=tuple(track.questions.values()),
        decisions=tuple(track.decisions),
        models=tuple(track.models.values()),
        inner=track.inner,
        inside=tuple(step(told, each) for each in inside),
        hidden=len(track.inside) - len(inside),
        elements=track.elements,
        progress=track.progress,
        events=tuple(track.events),
    )


def view(told: Chronicle) -> View:
    """The run as of now. Everything but the steps costs little; those are made one by one."""
    state = told.folded.state()
    created = told.folded.created
    within, forked = created.get("within"), created.get("forked")
    tracks = [track for track in told.tracks.values() if not track.above]
    return View(
        run=state.run,
        anchor=told.anchor,
        task=state.task,
        status=state.status,
        began=told.began,
        seconds=told.now_s,
        agent=state.agent,
        model=state.model,
        origin=state.origin,
        session=state.session,
        tools=state.tools,
        within=f"{within['run']}, step {within['node']}" if within else "",
        forked=f"{forked['run']}, at step {forked['node']}" if forked else "",
        inputs=tuple(
            Input(name=name, anchor=told.anchor_of(name), value=value)
            for name, value in state.inputs.items()
        ),
        plan=state.plan,
        steps=tuple(step(told, track) for track in tracks),
        answer=state.answer if state.answer is not None else told.writing,
        output=state.output,
        sources=tuple(_link(told, name) for name in state.cites),
        error=state.error or "",
        error_kind=state.error_kind or "",
        models=tuple(told.models.values()),
        turns=tuple(told.turns),
        questions=tuple(told.questions),
        decisions=tuple(told.decisions),
        stops=tuple(told.stops),
        usage=state.usage,
        spent=state.spent,
        log=tuple(told.log),
        places={name: track.anchor for name, track in told.tracks.items()},
    )


def statuses(told: Chronicle) -> dict[str, Shown]:
    """How far each node of the plan is, by name."""
    found: dict[str, Shown] = {}
    for name in told.folded.nodes:
        if (track := told.tracks.get(name)) is not None:
            found[name] = _status(told, track, _outcome(told, track))
    return found


def _map(told: Chronicle, track: Track) -> Node | Call | None:
    """The map that an element or an element's call belongs to."""
    top = told.tracks.get(owner(track.name)) if track.above else None
    return None if top is None else top.node


def _outcome(told: Chronicle, track: Track) -> Outcome | None:
    return track.outcome if track.was else told.folded.outcomes.get(track.name)


def _status(told: Chronicle, track: Track, outcome: Outcome | None) -> Shown:
    if outcome is not None:
        return outcome.status
    folded, over = told.folded, bool(told.folded.ended)
    if track.was:
        return "cancelled" if track.args is not None else "not_run"
    if any(caller(node) == track.name for node in folded.asked):
        return "asked"
    if track.name in folded.started and not over:
        return "retrying" if track.spans and _backs_off(told, track) else "running"
    paused = folded.ended.get("status") == "paused"
    return "not_run" if over and not paused else "wait"


def _backs_off(told: Chronicle, track: Track) -> bool:
    """Whether it waits to try again: nothing tells when it does but the wait that was announced."""
    return track.spans[-1].start_s > told.now_s


def _inside(told: Chronicle, track: Track) -> list[Track]:
    """The elements, or an element's calls; of many those that failed, besides the first."""
    tracks = [told.tracks[name] for name in track.inside]
    if len(tracks) <= MOST_INSIDE:
        return tracks
    failed = [each for each in tracks[MOST_INSIDE:] if each.outcome and not each.outcome.ok]
    return [*tracks[:MOST_INSIDE], *failed[:MOST_INSIDE]]


def _blocks(told: Chronicle, track: Track) -> tuple[Link, ...]:
    """The steps that this one keeps from running, as things stand now."""
    found: list[Link] = []
    for name in () if track.was else told.blocked.get(track.name, ()):
        end = told.folded.outcomes.get(name)
        if end is not None and end.failure is not None and end.failure.cause == track.name:
            found.append(_link(told, name))
    return tuple(found)


def _cost(outcome: Outcome | None) -> str:
    if outcome is None or outcome.cost is None:
        return ""
    return ", ".join(shown(dimension, one) for dimension, one in amounts(outcome.cost).items())


def _link(told: Chronicle, name: str, before: str = "") -> Link:
    return Link(f"{before}{name}", told.anchor_of(name))
