"""Decides about a call of a run that nobody carries on at the moment.

Where two decide at once, here or in two processes, one of them finds the number of its event taken:
it reads the run anew and decides then, if there is still something to decide.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from agentkit import decisions
from agentkit.decisions import Decision, Question, Verdict, decision_to_json
from agentkit.errors import RunTaken, UsageError
from agentkit.protocols import Clock, Journal
from agentkit.record import Recorder
from agentkit.state import RunState, caller, unheard
from agentkit.types import Json


async def approve(
    journal: Journal,
    run: str,
    node: str,
    *,
    args: Mapping[str, Json] | None = None,
    by: str = "",
    clock: Clock = time.time,
) -> None:
    """Let a call that waits be made; `args` takes the place of those arguments that it names.

    Raises `UsageError` where the run is not paused, this node waits for no approval, or the tool
    takes no such argument.
    """

    def decided(state: RunState) -> Decision:
        return replace(decisions.approve(_asked(state, node), args=args), by=by)

    await _record(journal, run, clock, decided)


async def deny(
    journal: Journal,
    run: str,
    node: str,
    *,
    reason: str = "",
    by: str = "",
    clock: Clock = time.time,
) -> None:
    """Do not let a call that waits be made: its node will end `denied`. Raises `UsageError`."""

    def decided(state: RunState) -> Decision:
        key = _asked(state, node).key
        return Decision(node=node, key=key, verdict="deny", reason=reason, by=by)

    await _record(journal, run, clock, decided)


async def answer(
    journal: Journal,
    run: str,
    node: str,
    *,
    value: Json,
    by: str = "",
    clock: Clock = time.time,
) -> None:
    """Say what a call that waits came to: whoever was asked has made it. Raises `UsageError`."""

    def decided(state: RunState) -> Decision:
        key = _asked(state, node).key
        return Decision(node=node, key=key, verdict="done", value=value, by=by)

    await _record(journal, run, clock, decided)


async def resolve(
    journal: Journal,
    run: str,
    node: str,
    *,
    done: bool,
    value: Json = None,
    by: str = "",
    clock: Clock = time.time,
) -> None:
    """Say of a call in doubt whether it took effect, and what it came to if so; also of one that
    was cut off, instead of letting a resumed run find out.

    The run can be resumed then, even one that was answered: what needed the call runs, and the
    answer is made anew. Raises `UsageError` where the node is not in doubt or the run still runs.
    """
    verdict: Verdict = "done" if done else "not_done"

    def decided(state: RunState) -> Decision:
        doubtful = _doubtful(state)
        if node not in doubtful:
            raise UsageError(f"{node} of run {run} is not in doubt; in doubt: {_listed(doubtful)}")
        key = state.intents.get(node, "")
        return Decision(node=node, key=key, verdict=verdict, value=value, by=by)

    await _record(journal, run, clock, decided)


async def _idle(journal: Journal, run: str, clock: Clock) -> Recorder:
    """What writes the next event of a run that nobody carries on."""
    events = await journal.events(run)
    if not events:
        raise UsageError(f"there is no run {run!r} in this store; `agentkit runs` lists them")
    if events[-1].type not in ("run.ended", "node.decided"):
        raise UsageError(
            f"run {run} has not paused: it still runs, or it was killed; resume it first"
        )
    return Recorder(run, journal, clock, events)


def _asked(state: RunState, node: str) -> Question:
    try:
        return state.asked[node]
    except KeyError:
        raise UsageError(
            f"{node} of run {state.run} waits for no approval; waiting: {_listed(state.asked)}"
        ) from None


def _doubtful(state: RunState) -> list[str]:
    """A call that waits for what is asked below it is not in doubt: it goes on."""
    ends = [name for name, end in state.outcomes.items() if end.status == "in_doubt"]
    waiting = {caller(name) for name in state.asked}
    return [name for name in dict.fromkeys((*ends, *unheard(state))) if name not in waiting]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


async def _record(
    journal: Journal, run: str, clock: Clock, decided: Callable[[RunState], Decision]
) -> None:
    """Records the decision about the run as it is by then."""
    while True:
        recorder = await _idle(journal, run, clock)
        decision = decided(recorder.state())
        try:
            recorder.record("node.decided", decision.node, decision_to_json(decision))
            return await recorder.flush()
        except RunTaken:
            continue  # there is one more event by now: whoever was faster has come further
