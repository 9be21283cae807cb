"""What a journaled step costs beside the same step in other engines: seconds, CPU, bytes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from peers.environment import Engine
from table import Row

MOST_BYTES_BEYOND = 400
LEAST_TIMES = {"langgraph": 10.0, "dbos": 100.0}
CHAIN = 100
WIDE = 1000
LONG_CHAIN = 1000


@dataclass(slots=True)
class Figures:
    """Of all runs of one engine and shape; `rows` are bytes in the journal of steps by number."""

    count: int
    runs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    written: int = 0
    rows: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    versions: dict[str, str] = field(default_factory=dict[str, str])

    def us(self, what: str) -> float:
        """Median microseconds a step, of `wall_s` or `cpu_s`."""
        return 1e6 * median(run[what] for run in self.runs) / self.count

    @property
    def bytes(self) -> float:
        """Mean bytes a step that were handed to write(), until all was put away."""
        return self.written / len(self.runs) / self.count

    def hundred(self, index: int) -> float:
        """Median bytes a step handed to write() during the steps of one hundred."""
        return median(run["by_hundred"][index] for run in self.runs) / 100


def measure(engines: Sequence[Engine], shape: str, count: int, rounds: int) -> list[Figures]:
    """All engines in turn, so often; each time in a new process and a new folder."""
    found = [Figures(count) for _ in engines]
    for _ in range(rounds):
        for engine, figures in zip(engines, found, strict=True):
            with tempfile.TemporaryDirectory() as folder:
                once(engine, figures, shape, Path(folder))
    return found


def once(engine: Engine, figures: Figures, shape: str, folder: Path) -> None:
    done = subprocess.run(
        engine.command("speed", folder, shape, figures.count),
        env=engine.environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{engine.name} did not finish a {shape}: {done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    figures.runs += said["runs"]
    figures.written += said["written"]
    figures.versions = said["versions"]
    journal = folder / "store" / "journal.sqlite"
    if journal.exists():
        with closing(sqlite3.connect(journal)) as connection:
            for number in (10, figures.count - 1):
                figures.rows[number] = row_bytes(connection, f"n{number}")


def row_bytes(connection: sqlite3.Connection, node: str) -> tuple[int, int]:
    """All the bytes of a step's events, and those of its arguments and its value in them."""
    events = connection.execute(
        "SELECT run, type, node, data FROM event WHERE run LIKE '%0-benchm' AND node = ?", (node,)
    ).fetchall()
    numbers = 8 + 4 + 1  # time, seq and version as SQLite keeps them, at most
    size = sum(numbers + sum(len(text.encode()) for text in event) for event in events)
    data = [json.loads(text) for *_, text in events]
    payload = sum(
        len(json.dumps(each[key], separators=(",", ":")))
        for each in data
        for key in ("args", "value")
        if key in each
    )
    return size, payload


def speed_rows(
    engines: Sequence[Engine], found: Sequence[Figures], what: str, beside: str
) -> list[Row]:
    """Steps a second and CPU a step; then the ratio of the first engine to `beside`."""
    rows = [
        Row(
            f"{what}: {engine.name}",
            f"{1e6 / each.us('wall_s'):,.0f} steps/s, CPU {each.us('cpu_s'):,.0f} us a step",
        )
        for engine, each in zip(engines, found, strict=True)
    ]
    other = next((f for e, f in zip(engines, found, strict=True) if e.name == beside), None)
    if other is None:
        return rows
    goal = LEAST_TIMES[beside]
    wall = other.us("wall_s") / found[0].us("wall_s")
    cpu = other.us("cpu_s") / found[0].us("cpu_s")
    return [
        *rows,
        Row(f"{what}: steps/s, {engines[0].name} / {beside} >= {goal:g}", f"{wall:.1f}",
            wall >= goal),
        Row(f"{what}: CPU a step, {beside} / {engines[0].name}", f"{cpu:.1f}"),
    ]  # fmt: skip


def byte_rows(engines: Sequence[Engine], found: Sequence[Figures]) -> list[Row]:
    """Bytes a step of a long chain: in the journal's rows, and handed to write() in all."""
    what = f"chain of {LONG_CHAIN}, bytes a step"
    ours = found[0]
    early, late = ours.rows[10], ours.rows[LONG_CHAIN - 1]
    rows = [
        Row(
            f"{what}: rows of step {number} <= payload of {payload} + {MOST_BYTES_BEYOND}",
            f"{size}",
            size <= payload + MOST_BYTES_BEYOND,
        )
        for number, (size, payload) in (("10", early), (f"{LONG_CHAIN}", late))
    ]
    beyond = [size - payload for size, payload in (early, late)]
    grown = beyond[1] - beyond[0]
    rows.append(Row(f"{what}: rows beyond payload, step {LONG_CHAIN} - step 10 <= 16, of digits",
                    f"{grown}", grown <= 16))  # fmt: skip
    for engine, each in zip(engines, found, strict=True):
        if each.written:
            first, last = each.hundred(0), each.hundred(-1)
            figure = f"{each.bytes:,.0f} (first 100: {first:,.0f}, last 100: {last:,.0f})"
            rows.append(Row(f"{what}: written by {engine.name}, log and pages", figure))
    return rows
