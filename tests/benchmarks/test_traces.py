"""The benchmark of traces, small: everything that is told is received. No clock decides."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.processes import finished

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "traces.py"


def test_every_span_is_received() -> None:
    done = finished(
        [sys.executable, str(SCRIPT), "--rounds", "1", "--nodes", "20"],
        env={"PYTHONPATH": str(SCRIPT.parents[1]), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "132 of 132" in done.stdout
