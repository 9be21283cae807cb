"""What every test shares."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres import database, server

# A busy machine is no reason to fail: how long an example takes says nothing about the code. And
# the examples are the same each time, lest an unlucky draw refuses a change that has no part in it;
# `make torture` draws new ones.
settings.register_profile(
    "agentkit",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize="AGENTKIT_TORTURE" not in os.environ,
)
settings.load_profile("agentkit")

VISION = find_spec("torch") is not None
collect_ignore = [] if VISION else ["vision"]

LONGEST = ("test_campaigns.py", "test_kill.py")


def pytest_report_header() -> str:
    """Says what is left out."""
    return "" if VISION else "tests/vision is left out, PyTorch is not here: make test-vision"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, one for each worker: so both end at about the same time."""
    first = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: first.get(item.path.name, len(first)))


def pytest_collection_finish() -> None:
    """Thousands of tests and all modules are there by now, and stay: the collector of garbage does
    not look through them again and again, which is a tenth of the time of these processes."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """asyncio is the one event loop that agentkit runs on; for anyio's pytest plugin."""
    return "asyncio"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the example data."""
    return Path(__file__).resolve().parents[1] / "examples" / "data"


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
