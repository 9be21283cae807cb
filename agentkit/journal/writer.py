"""The one thread that writes a journal: it takes whatever has queued up and commits it at once.

A commit costs a flush of the disk however many events it holds, so events that come while one
commit is under way share the next; one that nobody waits for, and that promises nothing, costs no
flush. Nothing that was committed is ever taken back; the first error stops all writing, except that
of a single run, which stops only whoever wrote it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Protocol

from agentkit.errors import StoreError
from agentkit.events import Event, EventType
from agentkit.journal.codec import INLINE_BYTES, dumps, fields, spill
from agentkit.journal.failure import CLOSED, Failure, unfit
from agentkit.journal.lease import ENDS, Lease, Move, moves, outermost, wakes
from agentkit.protocols import ArtifactStore

_BATCH = 10_000
"""Events in one transaction, at most: a flush must not wait for an endless stream of appends."""

PATIENT: frozenset[EventType] = frozenset(("node.started", "node.ended"))
"""Events that may wait for others to share a commit, if nothing else does: what a `pure` or `read`
call came to can be had again. After the end of an effect comes its receipt, which waits for none.
"""

GATHER_S = 0.005
"""How long they wait, at most: the work that a dead process takes with it."""

UNSYNCED = PATIENT | {"effect.receipt"}
"""Events that outlive the process as soon as they are committed, and a power cut only with the next
event of another kind, or the next flush: they say what has happened, and are no promise to anyone.
So the end of an effect never waits for a disk that is busy with others.
"""

Row = tuple[str, int, float, str, str | None, int, str]


@dataclass(frozen=True, slots=True)
class Cached:
    """A value for the cache table, as JSON text."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Barrier:
    """Released when all that was queued before it is committed, or never will be."""

    loop: asyncio.AbstractEventLoop
    released: asyncio.Future[None]

    def release(self) -> None:
        with suppress(RuntimeError):  # the loop that waited is closed
            self.loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        if not self.released.done():
            self.released.set_result(None)


@dataclass(frozen=True, slots=True)
class Stop:
    """Ends the thread."""


@dataclass(slots=True)
class Batch:
    """What one transaction writes. Of each run it has the events of one writer: so what a database
    refuses of a run is that writer's."""

    events: list[Event] = field(default_factory=list[Event])
    writers: dict[str, object] = field(default_factory=dict[str, object])
    cached: list[Cached] = field(default_factory=list[Cached])
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A batch as a database takes it: `leases` are those that this process holds, by the outermost
    of its runs, `wakes` when runs that are submitted in it may begin.

    Where it need not `sync`, it need not survive a power cut before a later batch does, which may
    be empty.
    """

    events: list[Row]
    cached: list[tuple[str, str]]
    moves: Mapping[str, Move]
    wakes: Mapping[str, float]
    leases: Mapping[str, Lease]
    sync: bool = True

    @property
    def runs(self) -> list[str]:
        """The runs of the events, each once."""
        return [*dict.fromkeys(row[0] for row in self.events)]


class Sink(Protocol):
    """A database, as the writer's thread sees it."""

    def commit(self, rows: Rows) -> Mapping[str, Failure]:
        """Write it in one transaction, durably. Returns the runs that may not be written, and why:
        nothing of theirs was. Raises `StoreError` where nothing was written."""
        ...


class Writer:
    """Owns the queue, the thread and its connection; thread and connection begin at the first
    item. `failed(by, run)` is called on the thread when a writer of a run, or with None and None
    everything, stops."""

    def __init__(
        self,
        open_sink: Callable[[], AbstractContextManager[Sink]],
        artifacts: ArtifactStore,
        *,
        failed: Callable[[object, str | None], None],
    ) -> None:
        self.failures: dict[object, Failure] = {}
        """By who was refused, a run for those of it who name no writer; under None what stopped
        everything."""
        self._wrote: dict[str, object] = {}
        """Who carries on the runs that go on here: whose event of each was the last."""
        self._leases: dict[str, Lease] = {}
        self._open_sink = open_sink
        self._artifacts = artifacts
        self._failed = failed
        self._queue: SimpleQueue[tuple[Event, object] | Cached | Barrier | Stop] = SimpleQueue()
        self._next_up: tuple[Event, object] | None = None
        self._uncommitted: dict[str, str] = {}
        self._waiting: list[Barrier] = []
        self._hurry = threading.Event()
        self._unsynced = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ended = False

    def put(self, event: Event, by: object) -> None:
        """Queue an event; from any thread, never blocks."""
        self._queue.put((event, by))
        if event.type not in PATIENT:
            self._hurry.set()
        if self._thread is None:
            self._start()

    def put_cached(self, value: Cached) -> None:
        """Queue a value for the cache; from any thread, never blocks."""
        with self._lock:
            self._uncommitted[value.key] = value.text
        self._queue.put(value)
        if self._thread is None:
            self._start()

    def carries_on(self, by: object, run: str) -> bool:
        """Whether the run goes on here by this writer, and by no other one."""
        return by in (run, self.carrier(run))

    def carrier(self, run: str) -> object:
        """Who carries the run on here; the run itself where nobody that has a name does."""
        return self._wrote.get(run, run)

    def hold(self, run: str, lease: Lease) -> None:
        """This process has claimed the run. Nothing of an earlier claim may still be queued: who
        wrote it then and was refused is gone, and has nothing more to be told."""
        with self._lock:
            self._leases[run] = lease
            for by, failure in [*self.failures.items()]:
                if failure.run and outermost(failure.run) == run:
                    del self.failures[by]

    def uncommitted(self, key: str) -> str | None:
        """The text of a cached value that is still in the queue."""
        return self._uncommitted.get(key)

    async def drained(self) -> None:
        """Returns when all that was queued before is committed, or never will be."""
        if self._thread is None:
            return
        loop = asyncio.get_running_loop()
        barrier = Barrier(loop, loop.create_future())
        self._queue.put(barrier)
        self._hurry.set()
        if self._ended:
            barrier.release()
        await barrier.released

    def stop(self) -> None:
        """Write what is queued, then end the thread. Blocks until it has ended."""
        with self._lock:
            self.failures.setdefault(None, Failure(CLOSED))
            thread = self._thread
        if thread is not None:
            self._queue.put(Stop())
            self._hurry.set()
            thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and None not in self.failures:
                # A daemon, so that a script that forgets to close its agent still ends.
                self._thread = threading.Thread(
                    target=self._work, name="agentkit-journal", daemon=True
                )
                self._thread.start()

    def _work(self) -> None:
        try:
            with self._open_sink() as sink:
                self._write_all(sink)
        except StoreError as error:
            self._fail(None, Failure(str(error), error))
        finally:
            # Whoever waits is released only after the failure is on record; an error that nobody
            # foresaw goes to threading.excepthook, and must not look like success either.
            self._fail(None, Failure("the journal's writer died: reopen the store and resume"))
            self._ended = True
            while not self._queue.empty():
                item = self._queue.get()
                if isinstance(item, Barrier):
                    self._waiting.append(item)
            self._release()

    def _write_all(self, sink: Sink) -> None:
        while True:
            batch = self._next()
            if batch.events or batch.cached or (self._unsynced and self._waiting):
                self._commit(sink, batch)
            self._release()
            if batch.last:
                self._fail(None, Failure(CLOSED))
                return

    def _next(self) -> Batch:
        """Waits for an item, then takes all that is queued behind it, or soon is."""
        batch = Batch()
        item = self._next_up or self._queue.get()
        self._next_up = None
        self._hurry.wait(GATHER_S)
        self._hurry.clear()  # before taking: what comes from here on may set it anew
        behind = min(self._queue.qsize(), _BATCH)
        while True:
            if isinstance(item, tuple):
                event, by = item
                if batch.writers.setdefault(event.run, by) != by:
                    self._next_up = item  # and what is behind it, in the next batch
                    self._hurry.set()
                    return batch
                batch.events.append(event)
            elif isinstance(item, Barrier):
                self._waiting.append(item)
            elif isinstance(item, Cached):
                batch.cached.append(item)
            else:
                batch.last = True
            if batch.last or not behind:
                return batch
            # Only what has its turn here is taken: what came meanwhile stays for the next batch.
            behind -= 1
            item = self._queue.get()

    def _commit(self, sink: Sink, batch: Batch) -> None:
        # Encoding may write artifacts: done first, so that the database is locked only briefly.
        events = self._rows(batch)
        # By key, so that processes that write the same ones do not wait for each other in a ring.
        newest = sorted({each.key: each.text for each in batch.cached}.items())
        values = spill([{"value": text} for _, text in newest], self._artifacts)
        cached = [(key, text) for (key, _), text in zip(newest, values, strict=True)]
        written = {row[0] for row in events}
        kept = [event for event in batch.events if event.run in written]
        moved = moves(kept)
        claimed = self._leases.keys() & {outermost(run) for run in written}
        leases = {run: self._leases[run] for run in claimed}
        sync = bool(self._waiting) or not all(each.type in UNSYNCED for each in batch.events)
        self._unsynced = not sync
        rows = Rows(
            events=events,
            cached=cached,
            moves=moved,
            wakes=wakes(kept),
            leases=leases,
            sync=sync,
        )
        refused = sink.commit(rows)
        for run, failure in refused.items():
            self._fail(batch.writers[run], failure)
        for run in written - refused.keys():
            self._note_writer(run, batch.writers[run], moved.get(run, "running"))
        with self._lock:
            for each in batch.cached:
                if self._uncommitted.get(each.key) is each.text:
                    del self._uncommitted[each.key]
            for run in leases:
                over = moved.get(run) in ENDS and run not in refused
                if over and self._leases.get(run) is leases[run]:
                    del self._leases[run]

    def _note_writer(self, run: str, by: object, move: Move) -> None:
        if move == "running":
            self._wrote[run] = by
        else:
            self._wrote.pop(run, None)

    def _rows(self, batch: Batch) -> list[Row]:
        kept: list[Event] = []
        texts: list[str] = []
        for event in batch.events:
            by = batch.writers[event.run]
            if by in self.failures:
                continue
            try:
                texts.append(dumps(event.data))
                kept.append(event)
            except (TypeError, ValueError, RecursionError) as error:
                self._fail(by, unfit(event, error))
        long = [at for at, text in enumerate(texts) if len(text) > INLINE_BYTES]
        spilled = spill([fields(kept[at].data) for at in long], self._artifacts)
        for at, text in zip(long, spilled, strict=True):
            texts[at] = text
        return [
            (event.run, event.seq, event.time, event.type, event.node, event.version, text)
            for event, text in zip(kept, texts, strict=True)
        ]

    def _fail(self, by: object, failure: Failure) -> None:
        if None not in self.failures and by not in self.failures:
            self.failures[by] = failure
            self._failed(by, failure.run)

    def _release(self) -> None:
        for barrier in self._waiting:
            barrier.release()
        self._waiting.clear()
