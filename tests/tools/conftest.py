"""What the tests of the tools share: each model loaded once a session."""

from __future__ import annotations

import pytest

from agentkit.tools.embed import MiniLM


@pytest.fixture(scope="session")
def minilm() -> MiniLM:
    """The embedding model, from the default model cache."""
    return MiniLM()
