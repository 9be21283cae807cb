"""Reads the runs of a store, for the commands that only look."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agentkit.cli.settings import ARTIFACTS_VARIABLE
from agentkit.errors import UsageError
from agentkit.events import Event
from agentkit.protocols import RunSummary

if TYPE_CHECKING:
    from agentkit.protocols import Journal
    from agentkit.store import Store

_MOST_RUNS = 1000


def summaries(store: str, limit: int = _MOST_RUNS) -> Sequence[RunSummary]:
    """The newest runs first, without those that are calls of others. Raises `UsageError` where
    there is no store."""

    async def read() -> Sequence[RunSummary]:
        async with opened(store) as journal:
            found = await journal.runs(limit=max(limit, _MOST_RUNS))
            return [run for run in found if not run.within][:limit]

    require_store(store)
    return asyncio.run(read())


def events_of(store: str, run: str) -> Sequence[Event]:
    """The events of a run, named by its id, the beginning of it, or `last`.

    Raises `UsageError` where none or several fit.
    """

    async def read() -> Sequence[Event]:
        async with opened(store) as journal:
            return await journal.events(await run_named(journal, run, store))

    require_store(store)
    return asyncio.run(read())


async def run_named(journal: Journal, run: str, store: str) -> str:
    """The id of the run named by its id, the beginning of it, or `last`; one that is a call of
    another run has to be named by its whole id. Raises `UsageError`."""
    found = await journal.runs(limit=_MOST_RUNS)
    whole = [one.run for one in found if one.run == run or not one.within]
    return the_one(run, whole, store)


def the_one(run: str, known: Sequence[str], store: str) -> str:
    """The run meant among the known ones, newest first."""
    if run in known:
        return run
    found = known[:1] if run == "last" else [name for name in known if name.startswith(run)]
    if len(found) != 1:
        what = f"{len(found)} runs begin with {run!r}" if found else f"there is no run {run!r}"
        raise UsageError(f"{what} in {without_password(store)}; `agentkit runs` lists them")
    return found[0]


def require_store(store: str) -> None:
    """Raises `UsageError` where there is no such folder; reading must not make one."""
    from agentkit.store import is_url

    if not is_url(store) and not (Path(store) / "journal.sqlite").is_file():
        raise UsageError(f"there are no runs in {store}; start one, or give --store FOLDER")


@asynccontextmanager
async def opened(store: str) -> AsyncGenerator[Journal]:
    """The journal of a store, closed afterwards."""
    opened = open_here(store)
    try:
        yield opened.journal
    finally:
        await opened.close()


def open_here(store: str) -> Store:
    """The store, with its artifacts where the environment says."""
    from agentkit.store import open_store

    return open_store(store, artifacts=os.environ.get(ARTIFACTS_VARIABLE))


def without_password(store: str) -> str:
    """The store as a message may name it."""
    from agentkit.journal.server import shown
    from agentkit.store import is_url

    return shown(store) if is_url(store) else store
