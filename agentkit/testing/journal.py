"""What every journal must do, as checks that any implementation can be put through.

Each check is a coroutine function that raises `AssertionError` with both sides where the journal
falls short. `CHECKS` take an empty journal; `DURABLE_CHECKS` take a function that opens one and
the same store anew at each call.

```python
import asyncio
from agentkit.journal import MemoryJournal
from agentkit.testing.journal import CHECKS

for check in CHECKS:
    asyncio.run(check(MemoryJournal()))
```
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from agentkit.errors import RunTaken, StoreError
from agentkit.events import Event, EventType
from agentkit.protocols import Journal
from agentkit.types import Json


async def keeps_order(journal: Journal) -> None:
    """Events come back as they were appended, each run by itself, and read their own writes."""
    first, second = steps("r1", 100), steps("r2", 50)
    for one, other in zip(first, [*second, *[None] * 50], strict=True):
        journal.append(one)
        if other is not None:
            journal.append(other)
    same(await read(journal, "r1"), first)
    await journal.flush()
    same(await read(journal, "r2"), second)
    same(await read(journal, "r1", after=98), first[98:])
    same(await read(journal, "r1", after=100), [])
    same(await read(journal, "unknown"), [])


async def keeps_values_whole(journal: Journal) -> None:
    """Any plain JSON comes back equal, however long, and under any field name."""
    values: list[Json] = [
        None, True, 0, -1.5, 1e300, 2**80, "", "žluťoučký 馬 🐎", "half \ud83d", "\0", [], {},
        "long " * 10_000, [{"deep": [[["x" * 2000]]]}], {"$spilled": {"value": "0" * 64}},
    ]  # fmt: skip
    events = [
        Event("r1", seq, 1.5 * seq, "node.ended", "n[3].f_1", {"value": value, "b": seq}, 1)
        for seq, value in enumerate(values, start=1)
    ]
    for event in events:
        journal.append(event)
    await journal.flush()
    same(await read(journal, "r1"), events)


async def refuses_a_number_twice(journal: Journal) -> None:
    """A second event of one number stops who wrote it with a `StoreError`, and nobody else."""
    for event in steps("r1", 3):
        journal.append(event)
    await journal.flush()
    error = await refusal(journal, step("r1", 3))
    same(error.run_id, "r1")
    same((await refusal(journal, step("r1", 4))).run_id, "r1")
    journal.append(step("r2", 1))
    await journal.flush("r2")
    same(await read(journal, "r1"), steps("r1", 3))
    same(await read(journal, "r2"), [step("r2", 1)])


async def refuses_a_writer_and_not_the_run(journal: Journal) -> None:
    """Of two that write one number the first goes on, and so does whoever reads the run anew."""
    first, second, third = object(), object(), object()
    for event in steps("r1", 3):
        journal.append(event, first)
    same(type(await refusal(journal, event_of("r1", 3, "run.resumed"), second)), RunTaken)
    journal.append(step("r1", 4), first)
    same((await refusal(journal, step("r1", 5), second)).run_id, "r1")
    journal.append(step("r1", 5), first)
    await journal.flush("r1", first)
    journal.append(step("r1", 6), third)
    await refusal(journal, step("r1", 6), first)
    journal.append(step("r1", 7), third)
    await journal.flush("r1", third)
    await journal.flush()
    same(await read(journal, "r1"), steps("r1", 7))


async def tells_who_follows_what_it_writes(journal: Journal) -> None:
    """A writer's own tail ends where it is refused; the other tails of the run go on."""
    first, second = object(), object()
    seen: list[list[Event]] = [[], []]
    journal.append(step("r1", 1), first)
    async with aclosing(journal.tail("r1", by=second)) as tail, asyncio.TaskGroup() as group:
        same(await anext(tail), step("r1", 1))
        for by, into in zip((None, first), seen, strict=True):
            group.create_task(collect(journal.tail("r1", by=by), into))
        await asyncio.sleep(0)
        await refusal(journal, event_of("r1", 1, "run.resumed"), second)
        try:
            raise AssertionError(f"the tail of a refused writer went on: {await anext(tail)!r}")
        except RunTaken:
            pass
        journal.append(ended("r1", 2), first)
    for each in seen:
        same(each, [step("r1", 1), ended("r1", 2)])


async def tails_stored_then_live(journal: Journal) -> None:
    """A tail begins with what is stored, goes on live without gap or double, ends with the run."""
    events = [*steps("r1", 20), ended("r1", 21)]
    for event in events[:5]:
        journal.append(event)
    seen: list[list[Event]] = [[], []]
    async with asyncio.TaskGroup() as group:
        for after, into in zip((0, 3), seen, strict=True):
            group.create_task(collect(journal.tail("r1", after=after), into))
        for event in events[5:]:
            journal.append(event)
            journal.append(step("other", event.seq))
            await asyncio.sleep(0)
    same(seen[0], events)
    same(seen[1], events[3:])


async def tails_across_threads(journal: Journal) -> None:
    """Events may be appended from any thread; a tail wakes up for them."""
    events = [*steps("r1", 200), ended("r1", 201)]
    seen: list[Event] = []

    def write() -> None:
        for event in events:
            journal.append(event)

    async with asyncio.TaskGroup() as group:
        group.create_task(collect(journal.tail("r1"), seen))
        group.create_task(asyncio.to_thread(write))
    same(seen, events)


async def tail_shows_transient_events(journal: Journal) -> None:
    """A published event reaches the tails and is not kept."""
    stored = [step("r1", 1), ended("r1", 2)]
    shown = Event("r1", 0, 0.0, "model.text", data={"text": "thinking"})
    journal.append(stored[0])
    async with aclosing(journal.tail("r1")) as tail:
        same(await anext(tail), stored[0])
        journal.publish(shown)
        journal.publish(Event("r2", 0, 0.0, "model.text"))
        same(await anext(tail), shown)
        journal.append(stored[1])
        same(await anext(tail), stored[1])
        same([event async for event in tail], [])
    same(await read(journal, "r1"), stored)


async def tail_of_an_ended_run_ends(journal: Journal) -> None:
    """It does not wait for more, not even when nothing is left to show."""
    events = [*steps("r1", 3), ended("r1", 4)]
    for event in events:
        journal.append(event)
    for after in (0, 2, 4):
        same([event async for event in journal.tail("r1", after=after)], events[after:])


async def tail_goes_on_with_a_resumed_run(journal: Journal) -> None:
    """An end that is followed by more events is not the end."""
    events = [step("r1", 1), ended("r1", 2, "cancelled"), event_of("r1", 3, "run.resumed")]
    for event in events:
        journal.append(event)
    async with aclosing(journal.tail("r1", after=1)) as tail:
        same([await anext(tail), await anext(tail)], events[1:])
        journal.append(ended("r1", 4))
        same([event async for event in tail], [ended("r1", 4)])


async def lists_runs(journal: Journal) -> None:
    """Newest first, with task, status and number of events."""
    task = "a task that is told at length " * 100
    for number, run in enumerate(("old", "resumed", "new")):
        journal.append(Event(run, 1, float(number), "run.created", data={"task": task}))
    journal.append(ended("old", 2, "answered"))
    journal.append(ended("resumed", 2, "cancelled"))
    journal.append(event_of("resumed", 3, "run.resumed"))
    listed = await journal.runs()
    same([each.run for each in listed], ["new", "resumed", "old"])
    same([each.status for each in listed], ["running", "running", "answered"])
    same([each.events for each in listed], [1, 3, 2])
    same([each.created for each in listed], [2.0, 1.0, 0.0])
    same({each.task for each in listed}, {task})
    same([each.run for each in await journal.runs(limit=1)], ["new"])


async def caches_values(journal: Journal) -> None:
    """The newest value of a key comes back, before and after it is durable, as a copy."""
    same(await journal.get("k"), None)
    value: dict[str, Json] = {"text": "x" * 5000}
    journal.put("k", 1)
    journal.put("k", value)
    journal.put("other", [])
    same(await journal.get("k"), {"text": "x" * 5000})
    value["text"] = "changed by the caller"
    await journal.flush()
    same(await journal.get("k"), {"text": "x" * 5000})
    same(await journal.get("other"), [])


async def forgets_runs(journal: Journal) -> None:
    """A run is removed whole, and only if it has not gone on since it was counted."""
    for run in ("r1", "r2"):
        journal.append(Event(run, 1, 1.0, "run.created", data={"task": run}))
        journal.append(ended(run, 2))
    same(await journal.forget("r1", events=1), False)
    same(len(await read(journal, "r1")), 2)
    same(await journal.forget("r1", events=2), True)
    same(await read(journal, "r1"), [])
    same([(each.run, each.updated) for each in await journal.runs()], [("r2", 2.0)])
    same(await journal.forget("unknown", events=2), False)


async def tells_references(journal: Journal) -> None:
    """Hashes are found at any depth, in texts and names, in long values and in cached ones."""
    names = [f"{number:x}" * 64 for number in range(5)]
    value: Json = [{"deep": {"sha256": names[0]}}, f"see {names[1]}.", {names[2]: 1}]
    journal.append(Event("r1", 1, 1.0, "node.ended", "n", {"value": value}))
    journal.append(Event("r1", 2, 1.0, "node.ended", "m", {"value": ["x" * 5000, names[3]]}))
    journal.put("k", {"long": "y" * 5000, "sha256": names[4]})
    await journal.flush()
    same({*names} - await journal.references(), set[str]())


async def works_from_loop_to_loop(journal: Journal) -> None:
    """A journal outlives the event loop that used it first, as under `run_sync`."""

    async def use(seq: int) -> list[Event]:
        journal.append(step("r1", seq))
        await journal.flush()
        return await read(journal, "r1")

    for seq in (1, 2, 3):
        same(await asyncio.to_thread(asyncio.run, use(seq)), steps("r1", seq))
    same(await read(journal, "r1"), steps("r1", 3))


async def closes(journal: Journal) -> None:
    """Closing keeps what was appended, ends the tails, and refuses more."""
    journal.append(step("r1", 1))
    async with aclosing(journal.tail("r1")) as tail:
        same(await anext(tail), step("r1", 1))
        await journal.close()
        try:
            raise AssertionError(f"the tail went on after close: {await anext(tail)!r}")
        except StoreError:
            pass
    await journal.close()
    await refusal(journal, step("r1", 2))
    same(await read(journal, "r1"), [step("r1", 1)])


async def survives_reopening(open_journal: Callable[[], Journal]) -> None:
    """What `flush` or `close` acknowledged is there for whoever opens the store next."""
    first = open_journal()
    for event in steps("r1", 10):
        first.append(event)
    first.put("k", "v" * 2000)
    await first.flush()
    second = open_journal()
    same(await read(second, "r1"), steps("r1", 10))
    same(await second.get("k"), "v" * 2000)
    first.append(step("r1", 11))
    await first.close()
    same(await read(second, "r1"), steps("r1", 11))
    await second.close()


async def stops_the_second_writer(open_journal: Callable[[], Journal]) -> None:
    """Two that write one run: the slower one is told, and nothing of the faster is changed."""
    first, second = open_journal(), open_journal()
    first.append(step("r1", 1))
    await first.flush()
    await refusal(second, event_of("r1", 1, "run.ended"))
    same(await read(second, "r1"), [step("r1", 1)])
    for journal, run in ((first, "r1"), (second, "r2"), (first, "r3")):
        journal.append(step(run, 2))
        await journal.flush(run)
    await first.close()
    await second.close()


CHECKS: tuple[Callable[[Journal], Awaitable[None]], ...] = (
    keeps_order, keeps_values_whole, refuses_a_number_twice, refuses_a_writer_and_not_the_run,
    tells_who_follows_what_it_writes, tails_stored_then_live,
    tails_across_threads, tail_shows_transient_events, tail_of_an_ended_run_ends,
    tail_goes_on_with_a_resumed_run, lists_runs, caches_values, forgets_runs, tells_references,
    works_from_loop_to_loop, closes,
)  # fmt: skip

DURABLE_CHECKS: tuple[Callable[[Callable[[], Journal]], Awaitable[None]], ...] = (
    survives_reopening, stops_the_second_writer,
)  # fmt: skip


def event_of(run: str, seq: int, type: EventType, **data: Json) -> Event:
    """An event at second `seq`."""
    return Event(run, seq, float(seq), type, data=data)


def step(run: str, seq: int) -> Event:
    """The end of a node called by its number."""
    return Event(run, seq, float(seq), "node.ended", f"n_{seq}", {"status": "value", "value": seq})


def steps(run: str, count: int) -> list[Event]:
    """The first `count` steps of a run."""
    return [step(run, seq) for seq in range(1, count + 1)]


def ended(run: str, seq: int, status: str = "answered") -> Event:
    """The end of a run."""
    return event_of(run, seq, "run.ended", status=status)


async def collect(tail: AsyncGenerator[Event, None], into: list[Event]) -> None:
    """All of a tail, appended to `into`."""
    async with aclosing(tail) as events:
        async for event in events:
            into.append(event)


async def refusal(journal: Journal, event: Event, by: object = None) -> StoreError:
    """The error of appending an event and flushing its run; there must be one."""
    try:
        journal.append(event, by)
        await journal.flush(event.run, by)
    except StoreError as error:
        return error
    raise AssertionError(f"expected a StoreError, but the journal accepted {event!r}")


async def read(journal: Journal, run: str, *, after: int = 0) -> list[Event]:
    """The stored events of a run, as a list."""
    return list(await journal.events(run, after=after))


def same(found: object, expected: object) -> None:
    """Raises `AssertionError` with both sides unless they are equal. Not `assert`, so that the
    checks hold under `python -O`, and tell both sides without pytest."""
    if found != expected:
        raise AssertionError(f"expected {expected!r:.2000}, found {found!r:.2000}")
