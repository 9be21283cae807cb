"""A worker: carries on the submitted runs of a store, several at once, beside any number of others.

A run that waits for somebody's decision costs a worker nothing: it is let go of, and whichever
worker is free goes on with it once it is decided.

Nobody can tell which of its runs a worker died of. So a run that may be begun only once more is
begun alone: then no other one is to blame, and none goes down with it.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from agentkit.agent import Agent
from agentkit.engine.tasks import Tasks
from agentkit.errors import RunError, RunPaused, StoreError, UsageError
from agentkit.protocols import ANY_DEATHS, Claim, RunQueue
from agentkit.record import Recorder
from agentkit.store import Store

LEASE_S = 15.0
"""After so long without a sign of life a worker's runs are others'."""

MOST_DEATHS = 3
"""A run that so many workers in a row have died with is not begun again."""


def new_worker_id() -> str:
    """Says where it runs: `build-7.3f9a1c`."""
    return f"{socket.gethostname()}.{secrets.token_hex(3)}"


async def work(
    store: Store,
    load: Callable[[str], Agent[Any]],
    *,
    at_once: int = 4,
    lease_s: float = LEASE_S,
    most_deaths: int = MOST_DEATHS,
    say: Callable[[str], object] = lambda text: None,
    new_id: Callable[[], str] = new_worker_id,
) -> None:
    """Claim runs and carry them on, `at_once` of them, until this is cancelled: then those that
    have not ended are ready for other workers.

    `load` gives the agent of an origin, as `file.py:name`; `say` hears what becomes of the runs.
    A run that `most_deaths` workers in a row have died with has failed, and says so.
    A worker that was stopped for longer than `lease_s` drops its runs and begins anew. Raises
    `StoreError` where the store fails, `UsageError` where it has no queue.
    """
    if store.queue is None:
        raise UsageError("workers need a store in a folder or a database; this one is in memory")
    agents: dict[str, Agent[Any]] = {}

    def agent_of(origin: str) -> Agent[Any]:
        if origin not in agents:
            agents[origin] = replace(load(origin), store=store)
        return agents[origin]

    while True:
        crew = _Crew(store, store.queue, new_id(), agent_of, say, most_deaths)
        await store.queue.join(crew.name, lease_s=lease_s)
        try:
            async with _heartbeat(store.queue, crew, lease_s):
                await crew.work(at_once)
        finally:
            await crew.close()
            with suppress(StoreError):  # its lease ends by itself
                await store.journal.flush(crew.name)  # what was said last needs the lease still
                await store.queue.leave(crew.name)
        say(f"the lease of {crew.name} is over: its runs are others'; beginning anew")


class _Crew:
    """The runs that are carried on under one lease."""

    def __init__(
        self,
        store: Store,
        queue: RunQueue,
        name: str,
        agent_of: Callable[[str], Agent[Any]],
        say: Callable[[str], object],
        most_deaths: int,
    ) -> None:
        self.name = name
        self._most_deaths = most_deaths
        self._alone = max(1, most_deaths - 1)  # runs of so many deaths are begun alone
        self._store, self._queue = store, queue
        self._agent_of, self._say = agent_of, say
        self._tasks = Tasks()
        self._claims: set[Claim] = set()
        self._changed = asyncio.Event()
        self._lost = False
        self._error: Exception | None = None

    def lose(self, error: Exception | None) -> None:
        """The lease is over, or nobody renews it any more because of this error."""
        self._lost, self._error = True, error
        self._changed.set()

    async def work(self, at_once: int) -> None:
        """Carry runs on until the lease is over. Raises the error that ended its renewal."""
        while not self._lost:
            self._changed.clear()
            for claim in await self._claim(self._free(at_once)):
                self._claims.add(claim)
                self._tasks.spawn(self._carry_on(claim), partial(self._ended, claim))
            if self._free(at_once):
                await self._queue.wait()
            else:
                await self._changed.wait()
        if self._error is not None:
            raise self._error

    def _free(self, at_once: int) -> int:
        """How many runs may be begun beside those that are carried on."""
        if any(claim.deaths >= self._alone for claim in self._claims):
            return 0
        return at_once - len(self._claims)

    async def _claim(self, free: int) -> Sequence[Claim]:
        """One run that is begun alone, where nothing else is carried on here; else others."""
        if not free:
            return ()
        # Of no run: raises where the journal takes nothing more, and nothing is claimed.
        await self._store.journal.flush(self.name)
        if not self._claims:
            several = range(self._alone, ANY_DEATHS.stop)
            if last := await self._queue.claim(self.name, limit=1, deaths=several):
                return last
        return await self._queue.claim(self.name, limit=free, deaths=range(self._alone))

    async def close(self) -> None:
        """Stop what still runs, and wait until it has."""
        await self._tasks.close()

    async def _carry_on(self, claim: Claim) -> None:
        run = claim.run
        events = await self._store.journal.events(run)
        self._say(f"run {run}: begun by {self.name}")
        try:
            if claim.deaths >= self._most_deaths:
                raise RunError(deadly(claim))
            await self._agent_of(str(events[0].data.get("origin") or "")).resume(run)
        except StoreError:
            raise  # it is another's run by now, or nothing can be written
        except Exception as error:
            await self._fail(run, error)
            raise

    async def _fail(self, run: str, error: Exception) -> None:
        """Record what kept the run from going on, unless its journal says how it ended."""
        journal = self._store.journal
        events = await journal.events(run)
        if events[-1].type != "run.ended":
            failed = {"status": "failed", "error": str(error), "kind": type(error).__name__}
            recorder = Recorder(run, journal, time.time, events)
            recorder.record("run.ended", data=failed)
            await recorder.flush()

    def _ended(self, claim: Claim, task: asyncio.Task[None]) -> None:
        run = claim.run
        self._tasks.forget(task)
        self._claims.discard(claim)
        self._changed.set()
        error = None if task.cancelled() else task.exception()
        if task.cancelled():
            self._say(f"run {run}: released")
        elif isinstance(error, RunPaused):
            self._say(f"run {run}: {error}")
        elif error is not None:
            self._say(f"run {run}: {type(error).__name__}: {error}")
        else:
            self._say(f"run {run}: answered")


def deadly(claim: Claim) -> str:
    """What to say of a run that too many workers have died with.

    >>> deadly(Claim("r1", deaths=3))[:49]
    'the last 3 workers that carried this run on died:'
    """
    workers = f"the last {claim.deaths} workers" if claim.deaths > 1 else "the last worker"
    return (
        f"{workers} that carried this run on died: killed, out of memory or crashed. It is not "
        f"begun again; see what it was doing (agentkit show {claim.run}), mend that, and go on "
        f"with it in a process of its own: agentkit resume {claim.run}"
    )


@asynccontextmanager
async def _heartbeat(queue: RunQueue, crew: _Crew, lease_s: float) -> AsyncGenerator[None]:
    """Renews the lease from a thread: a tool that blocks the loop must not cost the worker its
    runs."""
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def beat() -> None:
        found: Exception | None = None
        try:
            while not stop.wait(lease_s / 3):
                if not asyncio.run(queue.renew(crew.name, lease_s=lease_s)):
                    break
        except StoreError:
            pass  # whoever joins anew is told, if it lasts
        except Exception as error:  # noqa: BLE001 - the crew raises it where it is heard
            found = error
        finally:
            if not stop.is_set():
                loop.call_soon_threadsafe(crew.lose, found)

    thread = threading.Thread(target=beat, name="agentkit-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        await asyncio.to_thread(thread.join)
