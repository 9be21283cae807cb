"""The demo, as `make demo` runs it: its facts, and that it goes on wherever it is killed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentkit.models.catalog import cache_folder, entry, present
from tests.crash.journals import ended, journal

ROOT = Path(__file__).parents[2]
DEMO = (sys.executable, str(ROOT / "examples" / "briefing.py"))
RESUME = (sys.executable, "-m", "agentkit", "resume", "last")
LEFT_TO_PAY = "195"

KILLS = int(os.environ.get("AGENTKIT_DEMO_KILLS", "1"))
"""`make torture` asks for 20."""

KILLS_A_RUN = 5
SECONDS = 25.0
"""About as long as the demo takes from its start on."""

pytestmark = pytest.mark.skipif(
    not present(entry("qwen2.5-coder-1.5b"), cache_folder()),
    reason="the model is not on this machine: agentkit models pull",
)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "passive"}


def finished(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def killed(command: Sequence[str], folder: Path, seconds: float) -> None:
    """Starts a command and kills it so many seconds later, unless it has ended by then."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=quiet, stderr=quiet
    ) as process:
        try:
            process.wait(timeout=seconds)  # the moment is what is random; nothing is waited for
        except subprocess.TimeoutExpired:
            process.kill()


def test_the_facts_are_right(tmp_path: Path) -> None:
    shown = finished(DEMO, tmp_path)
    briefing = (tmp_path / "briefing.md").read_text("utf-8")
    answer, _, sources = briefing.partition("Sources:")
    assert LEFT_TO_PAY in answer, shown
    assert "rooms-and-equipment.txt" in sources, shown
    plan = [line for line in shown.splitlines() if line.startswith("  plan")]
    tools = ("transcribe(", "read_image(", "search(", "compute(", "answer(")
    assert all(any(tool in line for line in plan) for tool in tools), shown
    assert "order_text.text" in shown, "no result of one tool was used by the next"
    assert "At the same time ran: order_text and voucher_text" in shown


@pytest.mark.parametrize("seed", range((KILLS + KILLS_A_RUN - 1) // KILLS_A_RUN))
def test_it_goes_on_wherever_it_is_killed(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    for _ in range(min(KILLS_A_RUN, KILLS - seed * KILLS_A_RUN)):
        killed(RESUME if journal(tmp_path) else DEMO, tmp_path, chance.uniform(0.5, SECONDS))
        assert set(ended(journal(tmp_path)).values()) <= {1}
    assert LEFT_TO_PAY in finished(RESUME if journal(tmp_path) else DEMO, tmp_path)
    events = journal(tmp_path)
    assert set(ended(events).values()) == {1}
    last_end = {event.node: event.seq for event in events if event.type == "node.ended"}
    started = [(event.node, event.seq) for event in events if event.type == "node.started"]
    assert all(seq < last_end[node] for node, seq in started), "a node ran again after its outcome"
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
