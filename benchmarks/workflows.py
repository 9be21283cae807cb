"""Recorded scientific workflows (wfinstances), replayed on a virtual clock with W workers."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from shapes import Task, critical_path, engine_for, in_order, nodes, work
from table import Row

from agentkit.engine.limits import Limits
from agentkit.plan.graph import Call, Const
from agentkit.testing.virtual_time import VirtualTimeLoop

GOALS = {4: 1.04, 16: 1.10, 64: 1.12}


@dataclass(frozen=True, slots=True)
class Replay:
    """One workflow with W workers: how long it took, the bound, starts before a need's end."""

    makespan: float
    bound: float
    violations: int


def rows(folder: Path) -> list[Row]:
    """The figures over all workflows, or why there are none."""
    file = folder / "wfinstances" / "workflows.jsonl.gz"
    if not file.is_file():
        return [Row("wfinstances", f"skipped: there is no {file}; pass --data")]
    workflows = read(file)
    found: list[Row] = []
    for workers, goal in GOALS.items():
        replays = [replay(tasks, workers) for tasks in workflows]
        ratio = mean(each.makespan / each.bound for each in replays)
        violations = sum(each.violations for each in replays)
        found.append(
            Row(f"wfinstances, {workers} workers: makespan / bound <= {goal}", f"{ratio:.3f}",
                ratio <= goal)
        )  # fmt: skip
        found.append(
            Row(f"wfinstances, {workers} workers: dependencies violated = 0", str(violations),
                violations == 0)
        )  # fmt: skip
    return found


def read(file: Path) -> list[list[Task]]:
    """The workflows, each task after those that it needs."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        found: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [
        in_order([Task(t["id"], t["runtime_s"], tuple(t["parents"])) for t in workflow["tasks"]])
        for workflow in found
    ]


def replay(tasks: list[Task], workers: int) -> Replay:
    """Run a workflow; its recorded run times are known beforehand, as estimates would be."""
    names = {task.name: f"n{i}" for i, task in enumerate(tasks)}
    known = [
        Task(names[task.name], task.seconds, tuple(names[need] for need in task.needs))
        for task in tasks
    ]
    times: dict[tuple[str, str], float] = {}

    def estimate(call: Call) -> float:
        seconds = call.args["seconds"]
        assert isinstance(seconds, Const) and isinstance(seconds.value, int | float)
        return seconds.value

    async def main() -> None:
        loop = asyncio.get_running_loop()
        limits = Limits(parallel=workers, repeats=10**9)
        engine, _ = engine_for(
            {"work": work},
            limits=limits,
            estimate=estimate,
            listen=lambda kind, node: times.setdefault((kind, node), loop.time()),
        )
        async with engine:
            engine.add(nodes(known))
            await engine.settled()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())
    makespan = max(times.values())
    bound = max(critical_path(known), sum(task.seconds for task in known) / workers)
    violations = sum(
        times["node.started", task.name] < times["node.ended", need]
        for task in known
        for need in task.needs
    )
    return Replay(makespan, bound, violations)
