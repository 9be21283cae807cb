"""Both queues of runs pass the same checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agentkit.store import Store, open_store
from agentkit.testing.queue import CHECKS

pytestmark = pytest.mark.anyio

Check = Callable[[Callable[[], Store]], Awaitable[None]]


@pytest.mark.parametrize("check", CHECKS)
async def test_sqlite(check: Check, tmp_path: Path) -> None:
    await check(lambda: open_store(tmp_path, sync="process"))


@pytest.mark.parametrize("check", CHECKS)
async def test_postgres(check: Check, postgres: str, tmp_path: Path) -> None:
    await check(lambda: open_store(postgres, artifacts=tmp_path, sync="process"))
