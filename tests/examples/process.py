"""Examples as processes of their own, started as a user starts them, and killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests import processes

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DEMO = (sys.executable, str(EXAMPLES / "briefing.py"))
REPORT = str(EXAMPLES / "nightly_report.py")
NIGHTLY = (sys.executable, "-W", "error", "-m", "agentkit", "run", REPORT)
RESUME = (sys.executable, "-m", "agentkit", "resume", "last")
REPLAYED = (sys.executable, "-W", "error", "-m", "tests.examples.replayed")
REPLAY = (sys.executable, "-m", "agentkit", "replay", "last")


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "passive"}


def started(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return processes.finished(command, cwd=folder, env=environment())


def finished(command: Sequence[str], folder: Path) -> str:
    done = started(folder, *command)
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
