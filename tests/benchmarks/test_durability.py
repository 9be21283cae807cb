"""The benchmark of kills and costs, on agentkit alone: no network, and no clock decides."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.processes import finished

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "durability.py"


def test_nothing_is_done_twice_and_little_is_written() -> None:
    done = finished(
        [sys.executable, str(SCRIPT), "--alone", "--kills", "1", "--rounds", "1", "--check"],
        env={"PYTHONPATH": str(SCRIPT.parents[1]), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": outcome in the journal and done again = 0 ") == 4
    assert "rows of step 1000 <= payload of 18 + 400" in done.stdout
