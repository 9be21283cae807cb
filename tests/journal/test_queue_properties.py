"""Two workers and a person on one store, in any order: a run is one worker's at a time, and its
journal is what those who held it wrote, without a gap."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agentkit.errors import StoreError
from agentkit.events import Event, EventType
from agentkit.store import Store, open_store
from agentkit.testing.queue import LEASE_S, queue
from agentkit.types import Json

RUNS = ("a", "b", "c")
PLACES = st.integers(0, 1)


@dataclass
class Worker:
    """A worker as the model knows it: `live` says whether its lease runs, `held` are the runs that
    are its own, `claimed` those too that it has lost."""

    store: Store
    name: str = ""
    live: bool = False
    held: set[str] = field(default_factory=set[str])
    claimed: set[str] = field(default_factory=set[str])


class Workers(RuleBasedStateMachine):
    """What the store must do, beside what it does."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.Runner()
        self.workers = [Worker(open_store(self.folder, sync="process")) for _ in range(2)]
        self.person = open_store(self.folder, sync="process")
        self.status: dict[str, str] = {}
        self.deaths: dict[str, int] = dict.fromkeys(RUNS, 0)
        self.written: dict[str, list[Event]] = {run: [] for run in RUNS}
        self.names = 0

    def teardown(self) -> None:
        for store in (*(worker.store for worker in self.workers), self.person):
            self.loop.run(store.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def written_by(self, store: Store, run: str, kind: EventType, **data: Json) -> bool:
        """Appends the next event; whether the store took it."""
        event = Event(run, len(self.written[run]) + 1, 0.0, kind, data=data)
        try:
            store.journal.append(event)
            self.loop.run(store.journal.flush(run))
        except StoreError:
            return False
        self.written[run].append(event)
        return True

    @rule(run=st.sampled_from(RUNS))
    def submit(self, run: str) -> None:
        if run not in self.status:
            assert self.written_by(self.person, run, "run.created", task="t", submitted=True)
            self.status[run] = "ready"

    @rule(at=PLACES)
    def join(self, at: int) -> None:
        worker = self.workers[at]
        if not worker.live:
            self.names += 1
            worker.name, worker.live = f"w{self.names}", True
            worker.held.clear()
            self.loop.run(queue(worker.store).join(worker.name, lease_s=LEASE_S))

    @rule(at=PLACES, last=st.booleans())
    def renew(self, at: int, last: bool) -> None:
        worker = self.workers[at]
        if worker.name:
            lease_s = 0.0 if last else LEASE_S
            renewed = self.loop.run(queue(worker.store).renew(worker.name, lease_s=lease_s))
            assert renewed is worker.live
            worker.live = worker.live and not last

    @rule(at=PLACES, limit=st.integers(1, 3))
    def claim(self, at: int, limit: int) -> None:
        worker = self.workers[at]
        if not worker.name:
            return
        claims = self.loop.run(queue(worker.store).claim(worker.name, limit=limit))
        found = [claim.run for claim in claims]
        taken = {run for each in self.workers if each.live for run in each.held}
        open_ = {run for run, status in self.status.items() if status in ("ready", "running")}
        assert set(found) <= open_ - taken
        assert len(found) == (min(limit, len(open_ - taken)) if worker.live else 0)
        for claim in claims:
            run = claim.run
            self.deaths[run] += self.status[run] == "running"
            assert claim.deaths == self.deaths[run]
            self.status[run] = "running"
            for each in self.workers:
                each.held.discard(run)
            worker.held.add(run)
            worker.claimed.add(run)

    @rule(at=PLACES)
    def leave(self, at: int) -> None:
        worker = self.workers[at]
        if worker.live:
            self.loop.run(queue(worker.store).leave(worker.name))
            self.status |= dict.fromkeys(worker.held, "ready")
            self.deaths |= dict.fromkeys(worker.held, 0)
            worker.live = False
            worker.held.clear()

    @rule(at=PLACES, run=st.sampled_from(RUNS))
    def work(self, at: int, run: str) -> None:
        worker = self.workers[at]
        if self.status.get(run) != "running":
            return
        if worker.live and run in worker.held:
            assert self.written_by(worker.store, run, "node.started")
        elif run in worker.claimed or any(one.live and run in one.held for one in self.workers):
            assert not self.written_by(worker.store, run, "node.started")

    @rule(
        at=PLACES,
        run=st.sampled_from(RUNS),
        status=st.sampled_from(["answered", "failed", "paused", "cancelled"]),
    )
    def end(self, at: int, run: str, status: str) -> None:
        worker = self.workers[at]
        if worker.live and run in worker.held:
            assert self.written_by(worker.store, run, "run.ended", status=status)
            worker.held.discard(run)
            worker.claimed.discard(run)
            self.status[run] = {"paused": "waiting", "cancelled": "ready"}.get(status, "ended")
            self.deaths[run] = 0

    @rule(run=st.sampled_from(RUNS))
    def decide(self, run: str) -> None:
        if self.status.get(run) in ("waiting", "ended"):
            assert self.written_by(self.person, run, "node.decided")
            self.status[run] = "ready"

    @invariant()
    def the_journal_is_what_was_taken(self) -> None:
        for run, events in self.written.items():
            assert self.loop.run(self.person.journal.events(run)) == events


TestWorkers = Workers.TestCase
TestWorkers.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
