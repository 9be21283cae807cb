"""The short form of the simulation; `make torture` runs 100,000 seeds."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import pytest

from agentkit.engine import asked
from agentkit.engine.item import Item
from agentkit.testing.simulation import simulate
from tests.processes import finished
from tests.testing.campaign import run

ROOT = Path(__file__).parents[2]
SEEDS = 500

DIGESTS = """
from hashlib import sha256
from agentkit.testing.simulation import simulate
for seed in range({first}, {last}):
    print(sha256(simulate(seed).journal).hexdigest())
"""


def test_whatever_happens_the_rules_hold() -> None:
    came_to, wrong = run(0, SEEDS)
    assert wrong == []
    assert came_to["answered"] > SEEDS / 2
    assert came_to["lives"] > 2 * SEEDS


def test_the_same_seed_gives_the_same_journal_in_any_process() -> None:
    """Byte for byte, though Python shuffles its sets anew in each."""
    first, last = SEEDS, SEEDS + 40
    here = [sha256(simulate(seed).journal).hexdigest() for seed in range(first, last)]
    for shuffle in ("1", "2"):
        there = finished(
            [sys.executable, "-W", "error", "-c", DIGESTS.format(first=first, last=last)],
            env={"PYTHONHASHSEED": shuffle, "PYTHONPATH": str(ROOT)},
        )
        assert there.returncode == 0, there.stderr
        assert there.stdout.split() == here


def test_the_seeds_meet_everything_that_they_are_for() -> None:
    """A simulation in which nothing happens would hold every rule."""
    met: Counter[str] = Counter()
    for seed in range(100):
        done = simulate(seed)
        met.update(done.troubles)
        for event in done.events:
            met[event.type] += 1
            met[str(event.data.get("status"))] += 1
        patches = [event.data["patch"] for event in done.events if event.type == "plan.patched"]
        met.update(str(key) for patch in patches if isinstance(patch, dict) for key in patch)
        met["map"] += sum("[" in (event.node or "") for event in done.events)
    expected = (
        "killed", "killed at a record", "cancelled", "StoreError", "RunPaused", "run.resumed",
        "node.asked", "node.decided", "effect.receipt", "node.retried", "failed", "skipped",
        "denied", "in_doubt", "replace", "remove", "map",
    )  # fmt: skip
    assert {name: met[name] for name in expected if met[name] < 3} == {}


def test_a_broken_rule_names_its_seed_and_how_to_run_it_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With approval's memory broken, as it was when the simulation found it."""

    def forgets_nothing(self: asked.Asked, items: Iterable[Item]) -> None:
        """What waits goes on waiting."""

    monkeypatch.setattr(asked.Asked, "forget", forgets_nothing)
    _, wrong = run(0, 200)
    assert wrong
    seed = wrong[0].partition("seed ")[2].partition(" ")[0]
    assert f"simulate({seed})" in wrong[0].partition("\n")[0]
    assert "lives: " in wrong[0]
