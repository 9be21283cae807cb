"""Graphs of sleeping tasks that benchmarks run, by the engine and by hand-written asyncio."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentkit.artifacts import FolderArtifacts
from agentkit.engine.limits import Limits
from agentkit.engine.scheduler import Scheduler
from agentkit.events import Event, EventType
from agentkit.journal import MemoryJournal
from agentkit.plan.expression import expression
from agentkit.plan.graph import Arg, Call, Const
from agentkit.state import RunState
from agentkit.tool import Tool, tool
from agentkit.types import Json


@dataclass(frozen=True, slots=True)
class Task:
    """A task that sleeps, after those that it needs."""

    name: str
    seconds: float
    needs: tuple[str, ...] = ()


@tool(effect="read")
async def work(seconds: float, after: list[float]) -> float:
    """Sleep; say how long."""
    await asyncio.sleep(seconds)
    return seconds


def fan(width: int, seconds: float) -> list[Task]:
    """One task before and one after `width` tasks side by side."""
    middle = [Task(f"m{i}", seconds, ("first",)) for i in range(width)]
    return [Task("first", 0.0), *middle, Task("last", 0.0, tuple(task.name for task in middle))]


def layered(layers: int, width: int, *, seed: int = 1) -> list[Task]:
    """Layers of uneven tasks, each needing one to three of the layer before."""
    chance = random.Random(seed)
    tasks: list[Task] = []
    before: list[str] = []
    for layer in range(layers):
        names = [f"l{layer}_{i}" for i in range(width)]
        for name in names:
            count = min(len(before), chance.randint(1, 3))
            needs = tuple(chance.sample(before, count))
            tasks.append(Task(name, chance.uniform(0.005, 0.06), needs))
        before = names
    return tasks


def uneven() -> list[Task]:
    """Two chains of five pairs: 100 then 10 ms, and 10 then 100 ms. 550 ms each."""
    tasks: list[Task] = []
    for chain, pair in (("a", (0.1, 0.01)), ("b", (0.01, 0.1))):
        for step in range(10):
            needs = (f"{chain}{step - 1}",) if step else ()
            tasks.append(Task(f"{chain}{step}", pair[step % 2], needs))
    return tasks


def critical_path(tasks: Sequence[Task]) -> float:
    """Seconds of the longest chain; tasks come after what they need."""
    ends: dict[str, float] = {}
    for task in tasks:
        ends[task.name] = task.seconds + max((ends[need] for need in task.needs), default=0.0)
    return max(ends.values())


def in_order(tasks: Sequence[Task]) -> list[Task]:
    """The tasks, each after those that it needs."""
    by_name = {task.name: task for task in tasks}
    done: dict[str, Task] = {}
    for task in tasks:
        todo = [task]
        while todo:
            missing = [by_name[need] for need in todo[-1].needs if need not in done]
            if missing:
                todo += missing
            else:
                last = todo.pop()
                done[last.name] = last
    return list(done.values())


async def by_hand(tasks: Sequence[Task]) -> float:
    """Wall seconds of plain asyncio tasks that wait for one another's events."""
    ended = {task.name: asyncio.Event() for task in tasks}

    async def one(task: Task) -> None:
        for need in task.needs:
            await ended[need].wait()
        await asyncio.sleep(task.seconds)
        ended[task.name].set()

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(one(task))
    return time.perf_counter() - begun


async def by_engine(tasks: Sequence[Task], limits: Limits | None = None) -> float:
    """Wall seconds of the same tasks as nodes, journal and validation on."""
    engine, _ = engine_for({"work": work}, limits=limits)
    calls = nodes(tasks)
    begun = time.perf_counter()
    async with engine:
        engine.add(calls)
        await engine.settled()
    return time.perf_counter() - begun


def nodes(tasks: Sequence[Task]) -> list[Call]:
    """The tasks as calls of `work`."""
    return [
        Call(
            id=task.name,
            tool="work",
            args={"seconds": Const(task.seconds), "after": _after(task.needs)},
        )
        for task in tasks
    ]


def engine_for(
    tools: Mapping[str, Tool],
    *,
    limits: Limits | None = None,
    estimate: Callable[[Call], float] | None = None,
    listen: Callable[[EventType, str], object] | None = None,
) -> tuple[Scheduler, list[Event]]:
    """A scheduler with the memory journal, and the list of its events.

    `listen` hears the type and node of each event as it is recorded.
    """
    journal = MemoryJournal()
    events: list[Event] = []

    def record(kind: EventType, node: str | None, data: Mapping[str, Json]) -> None:
        event = Event("run", len(events) + 1, time.time(), kind, node, data)
        events.append(event)
        journal.append(event)
        if listen is not None and node is not None:
            listen(kind, node)

    engine = Scheduler(
        tools=tools,
        record=record,
        artifacts=FolderArtifacts(Path("unused")),
        state=RunState(run="run"),
        barrier=journal.flush,
        cache=journal,
        limits=limits or Limits(repeats=10**9),
        estimate=estimate,
    )
    return engine, events


def _after(needs: tuple[str, ...]) -> Arg:
    """All the results that a task needs, as one argument: they are its edges."""
    return expression(f"[{', '.join(needs)}]") if needs else Const([])
