"""Examples that the embedded model plans, run as a user runs them; their facts are asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agentkit.models.catalog import cache_folder, entry, present

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("example", "facts"),
    [("custom_tool.py", ["230", "93.6", "to_euros"]), ("typed_answer.py", ["130.80"])],
)
def test_the_facts_are_right(example: str, facts: list[str], tmp_path: Path) -> None:
    if not present(entry("qwen2.5-coder-1.5b"), cache_folder()):
        pytest.skip("the model is not on this machine: agentkit models pull qwen2.5-coder-1.5b")
    env = {"PYTHONPATH": str(ROOT), "HOME": str(Path.home()), "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / example)],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=env, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(fact in done.stdout for fact in facts), done.stdout
