"""A kill, or a failure, at every operation on the files of a store: `python -m
tests.crash.every_write`.

Five plans run in stores of their own. At the k-th write, sync, rename, truncation, creation or
removal the process is killed (or killed in the middle of the write), its successor is killed while
it recovers, and a third one finishes. Or the operation fails, once or from then on: then the run
stops with an error that says so, and goes on when the disk works again. Prints a JSON report.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from agentkit.events import Event
from agentkit.fold import fold
from agentkit.store import open_store
from tests.crash.attempt import Ended, attempt
from tests.crash.carry import Place, carry_on, journal, to_the_end
from tests.crash.disk import Fault, How, arm, fired, preloaded, quick, run_preloaded
from tests.crash.invariants import (
    broken_at_the_end,
    broken_by_calls,
    broken_by_effects,
    broken_by_kill,
)
from tests.crash.plans import SHAPES
from tests.crash.tally import Counted, Tally, serving

ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS)
FAULTS: tuple[How, ...] = ("fail_once", "fail_on")
KILLS: tuple[How, ...] = ("kill", "tear")
ANSWERED = "answered, and the disk had failed"
SYNC_OF_THE_LOG = "sync /journal.sqlite-wal"


@dataclass(slots=True)
class Report:
    """What a campaign did and found. `operations` is how many a run of each shape makes."""

    operations: dict[str, int] = field(default_factory=dict[str, int])
    kills: dict[str, int] = field(default_factory=dict[str, int])
    kills_in_recovery: int = 0
    failures: dict[str, int] = field(default_factory=dict[str, int])
    refused: int = 0
    unaffected: int = 0
    not_reached: int = 0
    messages: dict[str, int] = field(default_factory=dict[str, int])
    slowest_recovery_s: float = 0.0
    broken: list[str] = field(default_factory=list[str])
    seconds: float = 0.0


@dataclass(slots=True)
class Campaign:
    """Trials, each in a new folder."""

    folder: Path
    tally: Tally
    chance: random.Random
    report: Report = field(default_factory=Report)
    number: int = 0

    @property
    def met(self) -> Path:
        """Which operations met the fault of the last child."""
        return self.folder / "met.log"

    def place(self, shape: str) -> Place:
        self.number += 1
        run = f"{shape}-{self.number}"
        return Place(shape, run, str(self.folder / run), self.tally)

    def child(self, place: Place, fault: Fault) -> Ended:
        def work() -> None:
            arm(Path(place.store), fault, self.met)
            asyncio.run(_with_faults(place))

        return attempt(work, log=self.folder / "child.log")

    def count(self, shape: str) -> int:
        """How many operations a run makes, imports being done."""
        carry_on(self.place(shape))
        self.child(self.place(shape), Fault("count"))
        self.report.operations[shape] = len(self.met.read_text().splitlines())
        return self.report.operations[shape]

    def killed(self, shape: str, fault: Fault) -> None:
        """Killed at one operation, again while it recovers, and carried to its end."""
        place = self.place(shape)
        end = self.child(place, fault)
        if not end.killed:
            self.report.not_reached += 1
            self.note(place, fault, [] if end.code == 0 else [end.said])
            return
        self._add(self.report.kills)
        events, calls = self.look(place, fault, (), ())
        again = self.child(place, Fault("kill", self.chance.randint(1, 15)))
        self.report.kills_in_recovery += again.killed
        events, calls = self.look(place, fault, events, calls)
        self.finish(place, fault, events, calls)

    def failed(self, shape: str, fault: Fault) -> None:
        """The operation fails: the run stops and says so, or it was not needed; it goes on."""
        place = self.place(shape)
        try:
            end = self.child(place, fault)
        except TimeoutError as error:
            self.note(place, fault, [str(error)])
            return
        if not self.met.exists() or not self.met.read_text():
            self.report.not_reached += 1
            return
        self._add(self.report.failures)
        if end.refused:
            self.report.refused += 1
            message = end.said.strip().replace(place.store, "STORE").replace(place.run, "RUN")
            self.report.messages[message] = self.report.messages.get(message, 0) + 1
        elif end.code == 0:
            self.report.unaffected += 1
            if ANSWERED in end.said and self.met.read_text().startswith(SYNC_OF_THE_LOG):
                self.note(place, fault, ["a failed sync of the log was passed over"])
        else:
            self.note(place, fault, [f"it ended with {end.code}: {end.said}"])
        events, calls = self.look(place, fault, (), ())
        self.finish(place, fault, events, calls)

    def look(
        self, place: Place, fault: Fault, events: Sequence[Event], calls: Sequence[Counted]
    ) -> tuple[Sequence[Event], Sequence[Counted]]:
        """The journal as it is now, and what was called, compared with those before."""
        left = journal(place, copy=self.folder / "copy")
        called = self.tally.of(place.run)
        self.note(place, fault, broken_by_kill(events, left))
        self.note(place, fault, broken_by_calls(events, calls, called))
        self.note(place, fault, broken_by_calls(left, called, called))
        return left, called

    def finish(
        self, place: Place, fault: Fault, events: Sequence[Event], calls: Sequence[Counted]
    ) -> None:
        """No fault any more: how long reading takes, then to the end."""
        log = self.folder / "child.log"
        timed = attempt(lambda: asyncio.run(_timed(place)), log=log)
        if timed.code:
            self.note(place, fault, [f"reading ended with {timed.code}: {timed.said}"])
        else:
            took_s = float(timed.said)
            self.report.slowest_recovery_s = max(self.report.slowest_recovery_s, took_s)
        end = attempt(lambda: carry_on(place), log=log)
        self.note(place, fault, [f"it does not go on: {end.said}"] if end.code else [])
        left, called = journal(place), self.tally.of(place.run)
        self.note(place, fault, broken_by_kill(events, left))
        self.note(place, fault, broken_by_calls(events, calls, called))
        self.note(place, fault, broken_by_effects(called))
        self.note(place, fault, broken_at_the_end(left, called))
        shutil.rmtree(place.store)

    def note(self, place: Place, fault: Fault, broken: Iterable[str]) -> None:
        met = self.met.read_text().strip() if self.met.exists() else ""
        where = f"{place.shape}, {fault.how} at {fault.at} ({met or 'nothing'}), {fault.error}"
        self.report.broken += [f"{where}: {each}" for each in broken]

    def _add(self, counts: dict[str, int]) -> None:
        """By what the operation was: the kind, and the file if it is one of SQLite's."""
        kind, _, path = self.met.read_text().partition(" ")
        name = Path(path.strip() or "?").name
        known = name if name.startswith("journal.sqlite") else "artifact"
        counts[f"{kind} {known}"] = counts.get(f"{kind} {known}", 0) + 1


async def _with_faults(place: Place) -> None:
    store = open_store(place.store)
    before = fired()
    try:
        await to_the_end(place, store)
        if fired() > before:
            print(ANSWERED, file=sys.stderr)
    finally:
        await store.close()


async def _timed(place: Place) -> None:
    """Says how many seconds it takes until a resumed run knows where it stands."""
    begun = time.perf_counter()
    store = open_store(place.store)
    fold(await store.journal.events(place.run))
    print(time.perf_counter() - begun, file=sys.stderr)
    await store.close()


def campaign(folder: Path, *, sample: int | None, seed: int) -> Report:
    """`sample` operations of each shape for kills, and as many for failures; None is all."""
    begun = time.perf_counter()
    with serving() as tally:
        one = Campaign(folder, tally, random.Random(seed))
        for shape in SHAPES:
            for trial in _trials(one.count(shape), sample, one.chance):
                if trial.how in KILLS:
                    one.killed(shape, trial)
                else:
                    one.failed(shape, trial)
    one.report.seconds = time.perf_counter() - begun
    return one.report


def _trials(operations: int, sample: int | None, chance: random.Random) -> list[Fault]:
    every = [*range(1, operations + 1)]
    if sample is None:
        kills = [Fault(how, at) for at in every for how in KILLS]
        return kills + [Fault(how, at, why) for at in every for how in FAULTS for why in ERRORS]
    spread = [every[int(len(every) * (one + chance.random()) / sample)] for one in range(sample)]
    kills = [Fault(chance.choice(KILLS), at) for at in spread]
    return kills + [Fault(chance.choice(FAULTS), at, chance.choice(ERRORS)) for at in spread]


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--sample", type=int, help="operations of each shape; all by default")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    if not preloaded():
        sys.exit(run_preloaded("tests.crash.every_write", sys.argv[1:]))
    with tempfile.TemporaryDirectory(dir=quick()) as stores:
        report = campaign(Path(stores), sample=chosen.sample, seed=chosen.seed)
    print(json.dumps(asdict(report), indent=2))
    sys.exit(bool(report.broken))
