"""What the engine costs and how near it comes to the ideal schedule.

    python benchmarks/engine.py [--check] [--data ../shared/data]

Ratios within one run, the best of several, so that other work on the machine does not decide.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import workflows
from shapes import Task, by_engine, by_hand, critical_path, engine_for, fan, layered, uneven
from table import Row, exit_code, show

from agentkit.plan.graph import Call, Const, Ref
from agentkit.tool import tool

MOST_BARE_TASKS = 8.0
MOST_GROWTH = 1.3


@tool(effect="pure")
async def step(number: int) -> int:
    """The next number."""
    return number + 1


def chain(count: int) -> list[Call]:
    """Each needs the one before."""
    return [
        Call(id=f"n{i}", tool="step", args={"number": Ref(f"n{i - 1}") if i else Const(0)})
        for i in range(count)
    ]


def wide(count: int) -> list[Call]:
    """One that all others need."""
    return [
        Call(id=f"n{i}", tool="step", args={"number": Ref("n0") if i else Const(0)})
        for i in range(count)
    ]


async def cpu_of(nodes: Sequence[Call]) -> float:
    """CPU seconds a node, from the plan's nodes to their outcomes."""
    gc.collect()
    begun = time.process_time()
    engine, events = engine_for({"step": step})
    async with engine:
        engine.add(nodes)
        await engine.settled()
    spent = time.process_time() - begun
    assert all(end.ok for end in engine.outcomes.values())
    assert len(events) == 2 * len(nodes)
    return spent / len(nodes)


async def cpu_of_bare_tasks(count: int) -> float:
    """CPU seconds of one asyncio task a step."""

    async def nothing() -> None:
        """A step."""

    gc.collect()
    begun = time.process_time()
    for _ in range(count):
        await asyncio.create_task(nothing())
    return (time.process_time() - begun) / count


async def cpu_rows(rounds: int) -> list[Row]:
    """CPU a node beside a bare task, interleaved, so that both see the same machine."""
    shapes = {"chain": chain, "wide": wide}
    plans = {(name, n): make(n) for name, make in shapes.items() for n in (100, 5000)}
    bare: list[float] = []
    spent: dict[tuple[str, int], list[float]] = {key: [] for key in plans}
    for _ in range(rounds):
        bare.append(await cpu_of_bare_tasks(5000))
        for key, nodes in plans.items():
            times = 1 if len(nodes) > 1000 else 10
            spent[key] += [await cpu_of(nodes) for _ in range(times)]
    one = median(bare)
    rows = [Row("a bare asyncio task", f"{one * 1e6:.1f} us")]
    for (name, count), each in spent.items():
        ratio = median(each) / one
        rows.append(
            Row(
                f"{name} of {count}: CPU a node / bare task <= {MOST_BARE_TASKS:g}",
                f"{ratio:.2f}",
                ratio <= MOST_BARE_TASKS,
            )
        )
    for name in shapes:
        growth = median(spent[name, 5000]) / median(spent[name, 100])
        goal = f"{name}: CPU a node at 5000 / at 100 <= {MOST_GROWTH}"
        rows.append(Row(goal, f"{growth:.2f}", growth <= MOST_GROWTH))
    return rows


async def wall_rows(rounds: int) -> list[Row]:
    """Wall time beside the ideal schedule, the best of several; hand-written asyncio for scale."""
    shapes: list[tuple[str, list[Task], float]] = [
        ("fan of 100 x 50 ms", fan(100, 0.05), 1.15),
        ("layered graph of 200", layered(10, 20), 1.05),
        ("two uneven chains", uneven(), 1.05),
    ]
    rows: list[Row] = []
    for name, tasks, goal in shapes:
        ideal = critical_path(tasks)
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(rounds):
            theirs.append(await by_hand(tasks) / ideal)
            ours.append(await by_engine(tasks) / ideal)
        rows.append(Row(f"{name}: by hand / ideal {ideal * 1000:.0f} ms", f"{min(theirs):.3f}"))
        best = min(ours)
        rows.append(Row(f"{name}: engine / ideal <= {goal}", f"{best:.3f}", best <= goal))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="cost and schedules of the engine")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    rows = asyncio.run(cpu_rows(4 * given.rounds))  # each is a fraction of a second, and noisy
    rows += asyncio.run(wall_rows(given.rounds))
    rows += workflows.rows(given.data)
    show("Engine", rows)
    return exit_code(rows, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
