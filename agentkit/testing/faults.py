r"""Every fault of a run: what an agent comes to where a call or a record fails, is late, or dies.

```python
import asyncio
from agentkit import Agent, tool
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel
from agentkit.testing.faults import check_trial, faults, trial

@tool(effect="read")
async def price(fruit: str) -> int:
    "The price of a fruit."
    return len(fruit)

plan = "prices = [price(fruit=f) for f in ['fig', 'plum']]\nanswer(f'{sum(prices)} euros')"
agent = Agent(model=ScriptedModel(), planner=Fixed(plan), tools=[price])

async def main() -> int:
    well = await trial(agent, "What do they cost?")
    assert well.run is not None
    assert well.run.answer == "7 euros"
    found = faults(well.events)
    for fault in found:
        check_trial(await trial(agent, "What do they cost?", fault))
    return len(found)

assert asyncio.run(main()) > 50
```
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from agentkit.agent import Agent
from agentkit.engine.limits import Limits
from agentkit.errors import RunError, StoreError
from agentkit.events import Event
from agentkit.plan.graph import Call, Plan
from agentkit.run import Run
from agentkit.store import open_store
from agentkit.testing.faulty import Fault, FaultKind, FaultyJournal, faulty
from agentkit.testing.invariants import check_run

__all__ = ["Fault", "FaultKind", "FaultyJournal", "Trial", "check_trial", "faults", "trial"]

KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
RUN = "trial"
_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a run came to under a fault, and after it where it stopped the run.

    `run` is the answered run, else `error` says why there is none. `resumed` tells whether the run
    was stopped and carried on from what its journal had kept. `limits` and `once` are the agent's.
    """

    fault: Fault | None
    events: Sequence[Event]
    run: Run[Any] | None
    error: RunError | None
    resumed: bool
    limits: Limits
    once: frozenset[str]


def faults(of: Plan | Sequence[Event]) -> Sequence[Fault]:
    """Every fault at each call of a plan; or, given a run's events, at each call that it made,
    those of maps included, and at each record."""
    if isinstance(of, Plan):
        nodes = [node.id for node in of.nodes.values() if isinstance(node, Call)]
        records: list[int] = []
    else:
        started = [one for one in of if one.type == "node.started" and one.data.get("tool")]
        nodes = list(dict.fromkeys(event.node or "" for event in started))
        records = [event.seq for event in of]
    return [
        *(Fault(kind=kind, node=node) for node in nodes for kind in KINDS),
        *(Fault(kind=kind, record=record) for record in records for kind in KINDS),
    ]


async def trial(
    agent: Agent[Any],
    task: str,
    fault: Fault | None = None,
    *,
    inputs: Mapping[str, object] | None = None,
) -> Trial:
    """The agent's run of the task under a fault, in a store of its own in memory.

    Where the fault stops the run, it is resumed without it, on what was acknowledged by then; where
    it damages a record, the run is read anew, as another process would. The
    same agent makes all of this: a scripted model needs a function for its `replies`, so that it
    says the same when it is asked again.
    """
    store = open_store("memory")
    journal = FaultyJournal(fault)
    tools = [*agent.equipped(store.folder).values()]
    bad = tools if fault is None else [faulty(each, fault, journal) for each in tools]
    try:
        under = replace(agent, tools=bad, store=replace(store, journal=journal), new_id=lambda: RUN)
        end = await _end(under.run(task, inputs=inputs), journal)
        if fault is not None and _damage(fault):
            end = await _end(under.resume(RUN), journal)
        resumed = _stopped(end, fault)
        if resumed:
            runs = [run.run for run in await journal.inner.runs(limit=_ALL)]
            kept = [event for run in runs for event in await journal.inner.events(run)]
            journal = FaultyJournal(kept=kept)
            after = replace(under, tools=tools, store=replace(store, journal=journal))
            work = after.resume(RUN) if kept else after.run(task, inputs=inputs)
            end = await _end(work, journal)
        return Trial(
            fault=fault,
            events=await journal.inner.events(RUN),
            run=None if isinstance(end, BaseException) else end,
            error=end if isinstance(end, RunError) else None,
            resumed=resumed,
            limits=agent.limits,
            once=frozenset(each.name for each in tools if each.effect == "once"),
        )
    finally:
        await store.close()


def check_trial(found: Trial) -> None:
    """Raises `AssertionError`, naming the fault, where the run breaks a rule of `check_run`, or
    where damage that cannot be read does not stop whoever reads it next."""
    damaged = found.fault is not None and _damage(found.fault)
    try:
        check_run(found.events, limits=found.limits, once=found.once, ended=not damaged)
        if damaged and not isinstance(found.error, StoreError):
            raise AssertionError(f"expected a StoreError; found {found.error!r}, {found.run!r}")
    except AssertionError as error:
        raise AssertionError(f"with the fault {found.fault}: {error}") from error


def _damage(fault: Fault) -> bool:
    return fault.kind == "corrupt" and fault.record is not None


def _stopped(end: Run[Any] | BaseException, fault: Fault | None) -> bool:
    """Whether the run was cut off, and can go on elsewhere."""
    cut = isinstance(end, asyncio.CancelledError | StoreError)
    return cut and fault is not None and not _damage(fault)


async def _end(
    work: Coroutine[Any, Any, Run[Any]], journal: FaultyJournal
) -> Run[Any] | BaseException:
    """The run that `work` came to, or what stopped it. Raises what is no end of a run."""
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(work)
    journal.died = lambda: loop.call_soon_threadsafe(running.cancel)
    try:
        await asyncio.wait([running])
    finally:
        running.cancel()
        ends = await asyncio.gather(running, return_exceptions=True)
    end: Run[Any] | BaseException = ends[0]
    died = isinstance(end, asyncio.CancelledError) and journal.dead
    if isinstance(end, BaseException) and not isinstance(end, RunError) and not died:
        raise end
    return end
