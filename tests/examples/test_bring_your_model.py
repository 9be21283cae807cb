"""The example of a model behind HTTP, run as a user runs it, and replayed."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentkit.models.catalog import cache_folder, entry, present
from tests.examples.process import EXAMPLES, REPLAYED, started


def test_it_answers_over_http(tmp_path: Path) -> None:
    if not present(entry("qwen2.5-coder-0.5b"), cache_folder()):
        pytest.skip("the model is not on this machine: agentkit models pull qwen2.5-coder-0.5b")
    done = started(tmp_path, *REPLAYED, str(EXAMPLES / "bring_your_model.py"))
    assert (done.returncode, "identical" in done.stderr) == (0, True), done.stderr
    assert "237.5" in done.stdout, done.stdout
    assert "calls over HTTP" in done.stdout
