"""The events of a run. A run is the sequence of them, and its state is their fold, nothing else.

| type | node | data |
|---|---|---|
| run.created | | task, inputs {name: {schema, value}}, agent, origin, session, model, tools; \
submitted where workers carry it on; within {run, node} where it is a call of another run |
| run.resumed | | (nothing) |
| memory.recalled | | history [messages], examples [{task, plan}] |
| plan.patched | | turn, patch (JSON form), source |
| plan.refused | | turn, source, problems [JSON] |
| plan.turn | | turn, ended: answer, observe, end, problems; told [failed nodes] |
| model.called | call id | purpose, model, prompt_sha256, most {tokens, usd} that it may cost |
| model.answered | call id | text, usage, finish, seconds; calls, error, left_after |
| node.started | node id | tool, args (resolved), most {usd} that an attempt may cost; run where \
it is one |
| node.retried | node id | attempt, error, wait_s |
| node.asked | node id | tool, effect, args, key, why: it waits for somebody's approval |
| node.decided | node id | key, verdict, args, value, reason, by |
| effect.intent | node id | key |
| effect.receipt | node id | key |
| node.ended | node id | status, value or failure, seconds, attempts, cost as the call said it |
| run.ended | | status (answered, failed, cancelled, paused), answer, output, cites, error, kind |

A run that is paused waits for decisions; they come after its `run.ended`. What is decided about its
plan as a whole has the node `run/budget`. One about a call in doubt
opens a run that has ended: `run.resumed` goes on with it.

Transient events are shown to whoever follows the run and never stored (`seq` is 0): `node.progress`
(done, total, unit), `model.text` (purpose, text), `answer.text` (text).

A model's call is named `{node or purpose}/model_{n}`, counted from 1 for each of them. Its `finish`
is null where no end of the reply came: because the model failed (`error`), because who asked had
enough (`left_after` so many pieces), or because the stream was cut.

A run that was forked says in `run.created` what from (`forked`: run, node), and begins with copies
of that run's events, up to its first `run.resumed`.

A call of an agent is a run of its own; the id of that begins with the outer run's and a slash. Its
models' calls are also here, under the call's node. What it asks is asked here as well, of a node
`r/s`: node `s` of the run that the call `r` is. The call has stopped then, and starts again.

The node of an element of a map is `notes[3]`; a call inside its body is `notes[3].summarize_1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast

from agentkit.types import Json

EventType = Literal[
    "run.created",
    "run.resumed",
    "memory.recalled",
    "plan.patched",
    "plan.refused",
    "plan.turn",
    "model.called",
    "model.answered",
    "node.started",
    "node.retried",
    "node.asked",
    "node.decided",
    "effect.intent",
    "effect.receipt",
    "node.ended",
    "run.ended",
    "node.progress",
    "model.text",
    "answer.text",
]

TRANSIENT: frozenset[EventType] = frozenset(("node.progress", "model.text", "answer.text"))
"""Shown to whoever follows the run, never stored."""

VERSION = 1
"""The format of an event's data, stored beside it; older ones stay readable."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a run. `time` is seconds since the epoch; `data` plain JSON."""

    run: str
    seq: int
    time: float
    type: EventType
    node: str | None = None
    data: Mapping[str, Json] = field(default_factory=dict[str, Json])
    version: int = VERSION


def event_to_json(event: Event) -> dict[str, Json]:
    """The event as one JSON object, its values whole: a line of `--events`, or of a saved run.

    >>> event_from_json(event_to_json(Event("r", 1, 0.5, "node.started", "n"))).node
    'n'
    """
    return {one.name: getattr(event, one.name) for one in fields(event)}


def event_from_json(data: Mapping[str, Json]) -> Event:
    """The event of such an object."""
    return Event(**cast("dict[str, Any]", data))
