"""A store for the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentkit import open_store


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    """A store on disk."""
    opened = open_store(tmp_path / "store")
    yield opened
    await opened.close()
