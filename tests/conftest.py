"""What every test shares."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no reason to fail: how long an example takes says nothing about the code.
settings.register_profile(
    "agentkit", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("agentkit")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """asyncio is the one event loop that agentkit runs on; for anyio's pytest plugin."""
    return "asyncio"
