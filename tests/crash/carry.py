"""Carries a run on as far as it goes, whatever a crash has left of it; and reads its journal."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agentkit.decide import resolve
from agentkit.errors import RunError, StoreError
from agentkit.events import Event
from agentkit.fold import fold
from agentkit.store import Store, open_store
from tests.crash.plans import TASK, agent
from tests.crash.tally import Tally


@dataclass(frozen=True, slots=True)
class Place:
    """A run and the store that holds it: a folder, or the URL of a store on a server."""

    shape: str
    run: str
    store: str
    tally: Tally
    artifacts: Path | None = None

    @property
    def folder(self) -> Path | None:
        """The folder of the store, if it is one."""
        return None if "://" in self.store else Path(self.store)

    def open(self) -> Store:
        """The store, for who closes it."""
        return open_store(self.store, artifacts=self.artifacts)


def carry_on(place: Place) -> None:
    """To the answer, and until nothing is in doubt any more: what the counter says is believed."""
    asyncio.run(_with_store(place))


async def _with_store(place: Place) -> None:
    store = place.open()
    try:
        await to_the_end(place, store)
    finally:
        await store.close()


async def to_the_end(place: Place, store: Store) -> None:
    """`carry_on` with an open store."""
    await _go_on(place, store)
    while doubtful := await _doubtful(place, store):
        paid = {call.node for call in place.tally.of(place.run) if call.effect == "once"}
        for node in doubtful:
            value = "paid, as somebody saw" if node in paid else None
            await resolve(store.journal, place.run, node, done=node in paid, value=value)
        await _go_on(place, store)


async def _go_on(place: Place, store: Store) -> None:
    """To the end, or to where the run cannot go on because something is in doubt."""
    one = agent(place.shape, run=place.run, store=store, tally=place.tally)
    try:
        if await store.journal.events(place.run):
            await one.resume(place.run)
        else:
            await one.run(TASK)
    except StoreError:
        raise
    except RunError:
        if not await _doubtful(place, store):
            raise


async def _doubtful(place: Place, store: Store) -> list[str]:
    outcomes = fold(await store.journal.events(place.run)).outcomes
    # An element of a map is in doubt because a call of it is: only the call can be resolved.
    return [
        name
        for name, end in outcomes.items()
        if end.status == "in_doubt" and not any(other.startswith(f"{name}.") for other in outcomes)
        and not any(other.startswith(f"{name}[") for other in outcomes)
    ]  # fmt: skip


def journal(place: Place, *, copy: Path | None = None) -> Sequence[Event]:
    """The run's events. A folder is read from a copy, so that the next process finds it as the
    crash left it."""
    where = place
    if copy is not None and place.folder is not None:
        if not place.folder.exists():
            return ()
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(place.folder, copy)
        where = replace(place, store=str(copy))

    async def read() -> Sequence[Event]:
        store = where.open()
        try:
            return await store.journal.events(place.run)
        finally:
            await store.close()

    return asyncio.run(read())
