"""What every test shares: asyncio is the one event loop that agentkit runs on."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The backend of anyio's pytest plugin."""
    return "asyncio"
