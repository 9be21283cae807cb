"""What the tests of agents share."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from agentkit import open_store
from agentkit.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[Store]:
    """A store in SQLite that a run and its resumption share."""
    opened = open_store(tmp_path / "store", sync="process")
    yield opened
    await opened.close()
