"""Begins a run, or begins again with one: what `carry_on` takes, with its first event written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from typing_extensions import TypeVar

from agentkit.carry_on import Equipment
from agentkit.errors import RunTaken, UsageError
from agentkit.events import Event
from agentkit.fork import fork_patch, write_fork
from agentkit.given import require_kind
from agentkit.protocols import Clock
from agentkit.record import Recorder
from agentkit.store import Store
from agentkit.types import Json

Output = TypeVar("Output", default=str)

Begun: TypeAlias = tuple[Equipment[Output], Recorder]
"""A run whose beginning is in the journal."""


async def begin(
    equipment: Equipment[Output],
    run: str,
    clock: Clock,
    task: str,
    inputs: Mapping[str, Json],
    *,
    session: str | None = None,
    **more: Json,
) -> Begun[Output]:
    """A new run. `inputs` are `{"schema": …, "value": …}` by name; `more` goes into its first
    event. Raises `UsageError` where the task is empty, or the id says that it is a call's."""
    if "/" in run and "within" not in more:
        raise UsageError(
            f"expected the id of a run without '/', which names its calls; got {run!r}"
        )
    require_kind(task, str, "the task")
    if not task.strip():
        raise UsageError("the task is empty; say in a sentence what the agent is to do")
    recorder = Recorder(run, equipment.store.journal, clock)
    created: dict[str, Json] = {
        "task": task,
        "inputs": dict(inputs),
        "session": session,
        **_says(equipment),
    }
    recorder.record("run.created", data={**created, **more})
    return await _stands(equipment, recorder)


async def begin_again(equipment: Equipment[Output], run: str, clock: Clock) -> Begun[Output]:
    """A run that was begun before. Raises `UsageError` where there is none, `RunTaken` where it
    goes on in this process."""
    events = await stored(equipment.store, run)
    if run in equipment.store.live:
        taken = RunTaken(
            f"run {run} is carried on in this process already: wait for its end, or cancel it and "
            "resume it then"
        )
        taken.run_id = run
        raise taken
    recorder = Recorder(run, equipment.store.journal, clock, events)
    if events[-1].type != "run.ended" or events[-1].data["status"] != "answered":
        recorder.record("run.resumed")
    return await _stands(equipment, recorder)


async def begin_fork(
    equipment: Equipment[Output],
    events: Sequence[Event],
    run: str,
    clock: Clock,
    node: str,
    *,
    args: Mapping[str, Json],
    tool: str | None,
) -> Begun[Output]:
    """A new run that shares these events but for the node and what depends on it."""
    patch = fork_patch(events, node, args=args, tool=tool, tools=equipment.tools)
    recorder = Recorder(run, equipment.store.journal, clock)
    write_fork(recorder, events, patch, created=_says(equipment))
    return await _stands(equipment, recorder)


async def stored(store: Store, run: str) -> Sequence[Event]:
    """The events of a run. Raises `UsageError` where there are none."""
    events = await store.journal.events(run)
    if not events:
        raise UsageError(f"there is no run {run!r} in this store; `agentkit runs` lists them")
    return events


async def _stands(equipment: Equipment[Output], recorder: Recorder) -> Begun[Output]:
    await recorder.flush()
    return equipment, recorder


def _says(equipment: Equipment[Any]) -> dict[str, Json]:
    """What the first event of a run tells of its agent."""
    return {
        "agent": equipment.name,
        "origin": equipment.origin,
        "model": equipment.model.name,
        "tools": [*equipment.tools],
    }
