"""What the tests of the tools share: the example data, and each model loaded once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentkit.tools.embed import MiniLM


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the example data."""
    return Path(__file__).resolve().parents[2] / "examples" / "data"


@pytest.fixture(scope="session")
def minilm() -> MiniLM:
    """The embedding model, from the default model cache."""
    return MiniLM()
