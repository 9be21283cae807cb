"""An agent's process is killed (SIGKILL) at twenty random moments; `agentkit resume` finishes.

Some resumed processes are killed as well. However often that happens: the answer states the same
facts, no node whose outcome was in the journal is called again, and no planner's turn either.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import processes
from tests.crash.journals import ended, journal

AGENT = Path(__file__).parent / "agent.py"
ROOT = Path(__file__).parents[2]
TASK = "What do all fruits cost together?"
ANSWER = "Together they cost 42 [total]."
KILLS = 20
SECONDS = 0.7
"""About as long as the run takes from its first event on."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "agentkit", *arguments]


def environment(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT), "HOME": str(folder), "PATH": "/usr/bin:/bin"}


def killed(folder: Path, arguments: Sequence[str], chance: random.Random) -> None:
    """Starts a command and kills it a random while after its first sign of life."""
    with subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline(), "the command said nothing"
        try:
            # The moment is what is random here; nothing is waited for.
            process.wait(timeout=chance.uniform(0, SECONDS))
        except subprocess.TimeoutExpired:
            process.kill()


def finished(folder: Path, *arguments: str) -> str:
    done = processes.finished(command(*arguments), cwd=folder, env=environment(folder))
    assert done.returncode == 0, done.stderr
    return done.stdout


def calls(folder: Path) -> Counter[str]:
    """How often each node's tool was really called."""
    witness = folder / "witness.txt"
    return Counter(witness.read_text().split() if witness.exists() else ())


@pytest.mark.parametrize("seed", range(KILLS))
def test_resume_finishes_and_repeats_nothing(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    task = ("run", TASK, "--agent", f"{AGENT}:agent")
    killed(tmp_path, task, chance)
    for resumed_again in range(seed % 2 + 1):
        before, called = journal(tmp_path), calls(tmp_path)
        arguments = ("resume", "last") if before else task
        if resumed_again < seed % 2:
            killed(tmp_path, arguments, chance)
        else:
            assert finished(tmp_path, *arguments) == ANSWER + "\n"
        again = calls(tmp_path) - called
        assert not set(again) & set(ended(before))
    events = journal(tmp_path)
    assert set(ended(events).values()) == {1}
    turns = Counter(event.data["turn"] for event in events if event.type == "plan.turn")
    assert set(turns.values()) == {1}
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    (note,) = tmp_path.glob("note-*.txt")
    assert note.read_text() == "total 42"
