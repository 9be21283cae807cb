"""The operations on runs and on what they made."""

from __future__ import annotations

from agentkit.serve import artifacts, runs
from agentkit.serve import run_words as words
from agentkit.serve.operation import STREAM, Given, Operation, json_of

_ONE = "/runs/{run}"
_RUN = json_of(words.Run, "The run as it stands.")
_LAST = {
    "Last-Event-ID": {
        "type": "string",
        "pattern": "^[0-9]{0,15}$",
        "description": "The number of the last event that is known.",
    }
}
_BYTES = Given(what="Its bytes.", media={"*/*": {"type": "string", "format": "binary"}})

OPERATIONS = (
    Operation(
        method="POST", path="/runs", name="start", does="Begin a run.",
        call=runs.start, body=words.Start, gives={201: _RUN}, refuses=(404, 422, 429, 503),
        leads={"run": "run"},
    ),
    Operation(
        method="GET", path="/runs", name="list", does="Runs, the newest first.",
        call=runs.listed, query=words.Which, gives={200: json_of(words.Lines)},
    ),
    Operation(
        method="GET", path=_ONE, name="show", does="A run as it stands.",
        call=runs.shown, gives={200: _RUN}, refuses=(404,),
    ),
    Operation(
        method="GET", path=f"{_ONE}/events", name="events",
        does="The run's events as they come; the id of one is its number in the journal.",
        call=runs.events, query=words.Since, headers=_LAST,
        gives={
            200: Given(what="The events.", media={"text/event-stream": STREAM}),
            204: Given(what="The run has ended, and its last event is known."),
        },
        refuses=(404, 503),
    ),
    Operation(
        method="POST", path=f"{_ONE}/approve", name="approve",
        does="Let a call that waits be made; then resume the run.",
        call=runs.approve, body=words.Approve, gives={200: _RUN}, refuses=(404, 409),
    ),
    Operation(
        method="POST", path=f"{_ONE}/deny", name="deny",
        does="Do not let a call that waits be made; then resume the run.",
        call=runs.deny, body=words.Deny, gives={200: _RUN}, refuses=(404, 409),
    ),
    Operation(
        method="POST", path=f"{_ONE}/resolve", name="resolve",
        does="Say whether a call in doubt took effect; then resume the run.",
        call=runs.resolve, body=words.Resolve, gives={200: _RUN}, refuses=(404, 409),
    ),
    Operation(
        method="POST", path=f"{_ONE}/cancel", name="cancel",
        does="Stop a run that goes on here; it can be resumed.",
        call=runs.cancel, gives={200: _RUN}, refuses=(404, 409),
    ),
    Operation(
        method="POST", path=f"{_ONE}/resume", name="resume",
        does="Go on with a run; nothing that ended is done again.",
        call=runs.resume, gives={202: _RUN}, refuses=(404, 409, 422, 429, 503),
    ),
    Operation(
        method="POST", path=f"{_ONE}/fork", name="fork",
        does="Begin a run that shares all with this one but a node and what depends on it.",
        call=runs.fork, body=words.Fork, gives={201: _RUN}, refuses=(404, 409, 422, 429, 503),
        leads={"run": "run"},
    ),
    Operation(
        method="GET", path=f"{_ONE}/artifacts/{{sha256}}", name="artifact",
        does="The bytes of an artifact that the run names.",
        call=artifacts.artifact, gives={200: _BYTES}, refuses=(404,),
    ),
)  # fmt: skip
