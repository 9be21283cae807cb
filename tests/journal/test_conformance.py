"""All journals, and anything else that claims to be one, pass the same checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agentkit.artifacts import FolderArtifacts
from agentkit.journal import MemoryJournal, sqlite_journal
from agentkit.protocols import Journal
from agentkit.store import open_store
from agentkit.testing.journal import CHECKS, DURABLE_CHECKS

pytestmark = pytest.mark.anyio

Check = Callable[[Journal], Awaitable[None]]
DurableCheck = Callable[[Callable[[], Journal]], Awaitable[None]]


def sqlite(folder: Path) -> Journal:
    artifacts = FolderArtifacts(folder / "artifacts", sync="process")
    return sqlite_journal(folder / "journal.sqlite", artifacts, sync="process")


@pytest.mark.parametrize("check", CHECKS)
async def test_memory(check: Check) -> None:
    await check(MemoryJournal())


@pytest.mark.parametrize("check", CHECKS)
async def test_sqlite(check: Check, tmp_path: Path) -> None:
    journal = sqlite(tmp_path)
    await check(journal)
    await journal.close()


@pytest.mark.parametrize("check", DURABLE_CHECKS)
async def test_sqlite_is_durable(check: DurableCheck, tmp_path: Path) -> None:
    await check(lambda: sqlite(tmp_path))


def journal_in_database(url: str, folder: Path) -> Journal:
    return open_store(url, artifacts=folder / "artifacts", sync="process").journal


@pytest.mark.parametrize("check", CHECKS)
async def test_postgres(check: Check, postgres: str, tmp_path: Path) -> None:
    journal = journal_in_database(postgres, tmp_path)
    await check(journal)
    await journal.close()


@pytest.mark.parametrize("check", DURABLE_CHECKS)
async def test_postgres_is_durable(check: DurableCheck, postgres: str, tmp_path: Path) -> None:
    await check(lambda: journal_in_database(postgres, tmp_path))
