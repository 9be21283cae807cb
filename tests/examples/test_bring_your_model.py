"""The example of a model behind HTTP, run as a user runs it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agentkit.models.catalog import cache_folder, entry, present
from tests.processes import finished

EXAMPLE = Path(__file__).parents[2] / "examples" / "bring_your_model.py"


def test_it_answers_over_http(tmp_path: Path) -> None:
    if not present(entry("qwen2.5-coder-0.5b"), cache_folder()):
        pytest.skip("the model is not on this machine: agentkit models pull qwen2.5-coder-0.5b")
    command = [sys.executable, "-W", "error", str(EXAMPLE)]
    root = {"PYTHONPATH": str(EXAMPLE.parents[1]), "HOME": str(Path.home()), "PATH": ""}
    done = finished(command, cwd=tmp_path, env=root)
    assert done.returncode == 0, done.stderr
    assert "237.5" in done.stdout, done.stdout
    assert "calls over HTTP" in done.stdout
