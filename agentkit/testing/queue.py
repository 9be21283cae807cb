"""What every queue of runs must do, as checks that any implementation can be put through.

Each check takes a function that opens one and the same store anew at each call, as processes of
their own would. Leases are ended by renewing them for no time, so that nothing waits.

```python
import asyncio, tempfile
from pathlib import Path
from agentkit.store import open_store
from agentkit.testing.queue import CHECKS

for check in CHECKS:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(lambda: open_store(folder, sync="process")))
```
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from agentkit.errors import UsageError
from agentkit.events import Event
from agentkit.protocols import ANY_DEATHS, Claim, RunQueue
from agentkit.store import Store
from agentkit.testing.journal import ended, event_of, read, refusal, same, step

LEASE_S = 600.0

FAR = 4e9
"""In the year 2096."""


async def claims_each_run_once(open_store: Callable[[], Store]) -> None:
    """Workers that claim at once share what was submitted, and only that."""
    async with opened(open_store, 3) as (first, second, third):
        await submit(first, *(f"r{number:02}" for number in range(30)))
        first.journal.append(event_of("other", 1, "run.created", task="t"))
        await first.journal.flush()
        for number, store in enumerate((second, third)):
            await queue(store).join(f"w{number}", lease_s=LEASE_S)
        got = await asyncio.gather(
            *(claims((second, third)[at], f"w{at}", limit=10) for at in (0, 1)),
        )
        got += [await claims(second, "w0", limit=100)]
        same(sorted(run for each in got for run in each), [f"r{number:02}" for number in range(30)])
        same(await claims(third, "w1", limit=100), [])


async def lets_only_the_owner_write(open_store: Callable[[], Store]) -> None:
    """Nobody else appends to a claimed run; its owner does."""
    async with opened(open_store, 2) as (owner, other):
        await submit(other, "r1")
        await claimed(owner, "w0", "r1")
        same((await refusal(other.journal, step("r1", 2))).run_id, "r1")
        owner.journal.append(step("r1", 2))
        await owner.journal.flush("r1")
        same(await read(owner.journal, "r1"), [created("r1"), step("r1", 2)])


async def lets_others_write_when_the_claim_is_over(open_store: Callable[[], Store]) -> None:
    """What was refused to one writer while a worker held the run is not refused to the next."""
    async with opened(open_store, 2) as (owner, other):
        await submit(other, "r1")
        await claimed(owner, "w0", "r1")
        early, late = object(), object()
        await refusal(other.journal, event_of("r1", 2, "run.resumed"), early)
        owner.journal.append(ended("r1", 2, "paused"), object())
        await owner.journal.flush()
        await refusal(other.journal, event_of("r1", 3, "run.resumed"), early)
        other.journal.append(event_of("r1", 3, "node.decided"), late)
        await other.journal.flush("r1", late)
        same(await claims(owner, "w0", limit=1), ["r1"])


async def takes_over_what_a_lease_has_ended_for(open_store: Callable[[], Store]) -> None:
    """The next worker goes on, and the former one writes nothing, whatever its events' numbers."""
    async with opened(open_store, 2) as (former, later):
        await submit(former, "r1")
        await claimed(former, "w0", "r1")
        await queue(later).join("w1", lease_s=LEASE_S)
        same(await claims(later, "w1", limit=1), [])
        same(await queue(former).renew("w0", lease_s=0.0), True)
        same(await queue(former).renew("w0", lease_s=LEASE_S), False)
        same(await claims(former, "w0", limit=1), [])
        same(await claims(later, "w1", limit=1), ["r1"])
        await refusal(former.journal, step("r1", 2))
        later.journal.append(ended("r1", 2))
        await later.journal.flush("r1")
        await refusal(former.journal, step("r1", 3))
        same(await read(later.journal, "r1"), [created("r1"), ended("r1", 2)])


async def holds_the_calls_of_a_run_with_it(open_store: Callable[[], Store]) -> None:
    """A run that is a call of another one is written by whoever holds that one."""
    async with opened(open_store, 2) as (former, later):
        await submit(former, "r1")
        await claimed(former, "w0", "r1")
        former.journal.append(created("r1/a"))
        await former.journal.flush("r1/a")
        await refusal(later.journal, step("r1/a", 2))
        await queue(former).renew("w0", lease_s=0.0)
        await refusal(former.journal, step("r1/a", 2))
        await claimed(later, "w1", "r1")
        await refusal(former.journal, created("r1/b"))
        later.journal.append(step("r1/a", 2))
        await later.journal.flush("r1/a")
        await queue(later).leave("w1")
        await claimed(former, "w2", "r1")
        former.journal.append(step("r1/a", 3))
        await former.journal.flush("r1/a")


async def refuses_a_worker_whose_lease_is_over(open_store: Callable[[], Store]) -> None:
    """Also before anybody else has claimed its run; it may claim it again under a new name."""
    async with opened(open_store, 1) as (store,):
        await submit(store, "r1")
        await claimed(store, "w0", "r1")
        await queue(store).renew("w0", lease_s=0.0)
        await refusal(store.journal, step("r1", 2))
        await claimed(store, "w1", "r1")
        store.journal.append(step("r1", 2))
        await store.journal.flush("r1")


async def follows_the_events(open_store: Callable[[], Store]) -> None:
    """A run that waits is nobody's until it is decided; one that was cancelled is ready again; one
    that has ended stays so."""
    async with opened(open_store, 2) as (worker, person):
        await submit(person, "r1")
        await claimed(worker, "w0", "r1")
        worker.journal.append(ended("r1", 2, "paused"))
        await worker.journal.flush()
        same(await claims(worker, "w0", limit=1), [])
        person.journal.append(event_of("r1", 3, "node.decided"))
        await person.journal.flush()
        same(await claims(worker, "w0", limit=1), ["r1"])
        worker.journal.append(event_of("r1", 4, "run.resumed"))
        worker.journal.append(ended("r1", 5, "cancelled"))
        await worker.journal.flush()
        same(await claims(worker, "w0", limit=1), ["r1"])
        worker.journal.append(event_of("r1", 6, "node.decided"))
        worker.journal.append(ended("r1", 7, "answered"))
        await worker.journal.flush()
        same(await claims(worker, "w0", limit=1), [])


async def leaves_a_run_to_whoever_resumes_it(open_store: Callable[[], Store]) -> None:
    """A run that a person resumes is not a worker's, decided or not, until it is cancelled."""
    async with opened(open_store, 2) as (worker, person):
        await submit(person, "r1")
        person.journal.append(event_of("r1", 2, "run.resumed"))
        person.journal.append(event_of("r1", 3, "node.decided"))
        await person.journal.flush()
        await queue(worker).join("w0", lease_s=LEASE_S)
        same(await claims(worker, "w0", limit=1), [])
        person.journal.append(ended("r1", 4, "cancelled"))
        await person.journal.flush()
        same(await claims(worker, "w0", limit=1), ["r1"])


async def frees_what_a_worker_leaves(open_store: Callable[[], Store]) -> None:
    """Whoever leaves gives its runs back at once, and can claim nothing more."""
    async with opened(open_store, 2) as (first, second):
        await submit(first, "r1")
        await claimed(first, "w0", "r1")
        await queue(first).leave("w0")
        await submit(first, "r2")
        same(await claims(first, "w0", limit=1), [])
        await claimed(second, "w1", "r1")
        await refusal(first.journal, step("r1", 2))


async def counts_the_workers_that_died(open_store: Callable[[], Store]) -> None:
    """In a row: a worker that leaves, a run that waits and a person who resumes it end the row.
    Whoever claims says how many there may have been."""
    async with opened(open_store, 2) as (worker, person):
        await submit(person, "r1", "r2")
        await queue(worker).join("w0", lease_s=LEASE_S)
        same(await claims(worker, "w0", limit=9, deaths=range(1, 9)), [])
        for died in range(3):
            so_many = range(died, died + 1)
            found = await queue(worker).claim(f"w{died}", limit=1, deaths=so_many)
            same([*found], [Claim("r1", deaths=died)])
            worker.journal.append(event_of("r1", 2 + died, "run.resumed"))
            await worker.journal.flush()
            await queue(worker).renew(f"w{died}", lease_s=0.0)
            await queue(worker).join(f"w{died + 1}", lease_s=LEASE_S)
            same(await claims(worker, f"w{died + 1}", limit=9, deaths=range(died + 2, 9)), [])
            same(await claims(worker, f"w{died + 1}", limit=9, deaths=range(1, died + 1)), [])
        found = await queue(worker).claim("w3", limit=9, deaths=range(3, 4))
        same([*found], [Claim("r1", deaths=3)])
        await queue(worker).leave("w3")
        await queue(worker).join("w4", lease_s=LEASE_S)
        found = await queue(worker).claim("w4", limit=9, deaths=range(1))
        same(sorted(found, key=lambda claim: claim.run), [Claim("r1"), Claim("r2")])
        await queue(worker).renew("w4", lease_s=0.0)
        await queue(worker).join("w5", lease_s=LEASE_S)
        same(len(await claims(worker, "w5", limit=9, deaths=range(1, 2))), 2)
        worker.journal.append(ended("r1", 5, "paused"))
        worker.journal.append(ended("r2", 2, "failed"))
        await worker.journal.flush()
        person.journal.append(event_of("r1", 6, "node.decided"))
        person.journal.append(event_of("r2", 3, "run.resumed"))
        person.journal.append(ended("r2", 4, "cancelled"))
        await person.journal.flush()
        found = await queue(worker).claim("w5", limit=9)
        same(sorted(found, key=lambda claim: claim.run), [Claim("r1"), Claim("r2")])


async def waits_for_the_time_of_a_run(open_store: Callable[[], Store]) -> None:
    """Nobody claims a run before the time that its first event says; a person may resume it."""
    async with opened(open_store, 2) as (worker, person):
        for run, at in (("later", FAR), ("never", FAR), ("past", 0.5)):
            event = event_of(run, 1, "run.created", task="t", submitted=True, wake_at=at)
            person.journal.append(event)
        await person.journal.flush()
        await queue(worker).join("w0", lease_s=LEASE_S)
        same(await claims(worker, "w0", limit=9), ["past"])
        person.journal.append(event_of("later", 2, "run.resumed"))
        person.journal.append(ended("later", 3, "cancelled"))
        await person.journal.flush()
        same(await claims(worker, "w0", limit=9), ["later"])


async def lists_where_runs_stand(open_store: Callable[[], Store]) -> None:
    """Whether anybody holds a run is known of those that were submitted."""
    async with opened(open_store, 2) as (worker, person):
        same(await standing(person), {})
        await submit(person, "r1")
        later = event_of("r2", 1, "run.created", task="t", submitted=True, wake_at=FAR)
        person.journal.append(later)
        same(await standing(person), {"r1": "ready", "r2": "scheduled"})
        await claimed(worker, "w0", "r1")
        person.journal.append(event_of("r2", 2, "run.resumed"))
        same(await standing(person), {"r1": "running", "r2": "running"})
        await queue(worker).renew("w0", lease_s=0.0)
        person.journal.append(ended("r2", 3, "failed"))
        same(await standing(person), {"r1": "ready", "r2": "failed"})
        await claimed(worker, "w1", "r1")
        worker.journal.append(ended("r1", 2, "paused"))
        same((await standing(worker))["r1"], "paused")
        person.journal.append(event_of("r1", 3, "node.decided"))
        same((await standing(person))["r1"], "ready")
        same(await claims(worker, "w1", limit=1), ["r1"])
        same((await standing(person))["r1"], "running")
        worker.journal.append(ended("r1", 4, "cancelled"))
        same((await standing(worker))["r1"], "ready")
        same(await claims(worker, "w1", limit=1), ["r1"])
        worker.journal.append(ended("r1", 5))
        same((await standing(worker))["r1"], "answered")


async def wakes_who_waits(open_store: Callable[[], Store]) -> None:
    """`wait` returns once something was submitted, or its time is over."""
    async with opened(open_store, 2) as (first, second):
        await queue(second).wait(0.0)
        waiting = asyncio.create_task(queue(second).wait(5.0))
        await submit(first, "r1")
        await waiting
        await claimed(second, "w0", "r1")


CHECKS: tuple[Callable[[Callable[[], Store]], Awaitable[None]], ...] = (
    claims_each_run_once, lets_only_the_owner_write, lets_others_write_when_the_claim_is_over,
    takes_over_what_a_lease_has_ended_for, holds_the_calls_of_a_run_with_it,
    refuses_a_worker_whose_lease_is_over, follows_the_events, leaves_a_run_to_whoever_resumes_it,
    frees_what_a_worker_leaves, counts_the_workers_that_died, waits_for_the_time_of_a_run,
    lists_where_runs_stand, wakes_who_waits,
)  # fmt: skip


def created(run: str) -> Event:
    """The first event of a submitted run."""
    return event_of(run, 1, "run.created", task="t", submitted=True)


async def submit(store: Store, *runs: str) -> None:
    """Runs that may be claimed when this returns."""
    for run in runs:
        store.journal.append(created(run))
    await store.journal.flush()


async def claimed(store: Store, worker: str, run: str) -> None:
    """A new worker, which gets this run."""
    await queue(store).join(worker, lease_s=LEASE_S)
    same(await claims(store, worker, limit=1), [run])


async def claims(store: Store, worker: str, *, limit: int, deaths: range = ANY_DEATHS) -> list[str]:
    """The runs that the worker gets."""
    found = await queue(store).claim(worker, limit=limit, deaths=deaths)
    return [claim.run for claim in found]


async def standing(store: Store) -> dict[str, str]:
    """The status of each run, as it is listed."""
    return {run.run: run.status for run in await store.journal.runs()}


def queue(store: Store) -> RunQueue:
    """The store's queue. Raises `UsageError` where it has none."""
    if store.queue is None:
        raise UsageError("a store in memory has no queue; open one in a folder or a database")
    return store.queue


@asynccontextmanager
async def opened(open_store: Callable[[], Store], count: int) -> AsyncGenerator[list[Store]]:
    """The store opened so often, closed afterwards; what it refused has been told."""
    stores = [open_store() for _ in range(count)]
    yield stores
    for store in stores:
        await store.close()
