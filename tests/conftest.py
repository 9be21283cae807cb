"""What every test shares."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres import database, server

# A busy machine is no reason to fail: how long an example takes says nothing about the code.
settings.register_profile(
    "agentkit", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("agentkit")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """asyncio is the one event loop that agentkit runs on; for anyio's pytest plugin."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server() -> Generator[str]:
    """The URL of a PostgreSQL server, started once."""
    with server() as url:
        yield url


@pytest.fixture
def postgres(postgres_server: str) -> Generator[str]:
    """The URL of an empty database."""
    with database(postgres_server) as url:
        yield url
