"""SIGKILLs at random instants of running and of resumed plans: `python -m tests.crash.kills`.

Prints a JSON report. `broken` says what did not hold, in which run; a seed repeats the instants,
not the machine's timing.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from agentkit.events import Event
from tests.crash.attempt import attempt
from tests.crash.carry import Place, carry_on, journal
from tests.crash.invariants import (
    broken_at_the_end,
    broken_by_calls,
    broken_by_effects,
    broken_by_kill,
)
from tests.crash.plans import SHAPES
from tests.crash.tally import Tally, serving

MOST_KILLS = 5
"""Of one run."""

MOST_RUNS = 20
"""For each kill that is asked for: then they come too late, and there is nothing to report."""

RESUMED = 6
"""One kill of so many, at least, is of a resumed run: else there are more kills."""

TIMINGS = 3
"""Of a run of each shape; the least of them was disturbed least."""

MOST_EARLY = 3
"""So many kills in a row before the first event: runs take longer now than when they were timed."""


@dataclass(slots=True)
class Report:
    """What a campaign did and found. `repeated` counts calls beyond the first, by effect class."""

    kills: int = 0
    kills_of_resumed: int = 0
    kills_before_the_first_event: int = 0
    runs: int = 0
    in_doubt: int = 0
    repeated: dict[str, int] = field(default_factory=dict[str, int])
    broken: list[str] = field(default_factory=list[str])
    seconds: float = 0.0


@dataclass(slots=True)
class Campaign:
    """Kills, until there were enough. `lasts_s` is how long a run of each shape takes."""

    folder: Path
    store: str | None
    tally: Tally
    chance: random.Random
    name: str = field(default_factory=lambda: secrets.token_hex(3))
    report: Report = field(default_factory=Report)
    lasts_s: dict[str, float] = field(default_factory=dict[str, float])
    timed: int = 0
    early: int = 0

    def place(self, shape: str, run: str) -> Place:
        run = f"{self.name}-{run}"
        if self.store is None:
            return Place(shape, run, str(self.folder / run), self.tally)
        return Place(shape, run, self.store, self.tally, self.folder / "artifacts")

    def warm_up(self) -> None:
        """One run of each shape here, so that the children find everything imported."""
        for shape in SHAPES:
            carry_on(self.place(shape, f"warm-{shape}"))
            self.lasts_s[shape] = min(self.time(shape) for _ in range(TIMINGS))

    def time(self, shape: str) -> float:
        """Seconds that a run takes in a child that nobody kills."""
        self.timed += 1
        timed = partial(carry_on, self.place(shape, f"timed-{self.timed}"))
        begun = time.perf_counter()
        attempt(timed, log=self.log)
        return time.perf_counter() - begun

    @property
    def log(self) -> Path:
        return self.folder / "child.log"

    def run(self, number: int, most_kills: int) -> None:
        """One run, killed up to so often, and carried to its end."""
        shape = [*SHAPES][number % len(SHAPES)]
        place = self.place(shape, f"run-{number}")
        # Every other run finds its store made, and more of its kills fall into the plan.
        found = journal(place) if number % 2 else ()
        calls = self.tally.of(place.run)
        for _ in range(most_kills):
            after_s = self.chance.uniform(0, 1.1 * self.lasts_s[shape])
            end = attempt(partial(carry_on, place), log=self.log, kill_after_s=after_s)
            self.report.kills += end.killed
            self.report.kills_of_resumed += end.killed and bool(found)
            left = journal(place, copy=self.folder / "copy")
            self.report.kills_before_the_first_event += not left
            self.early = 0 if left else self.early + 1
            if self.early == MOST_EARLY:
                self.lasts_s[shape], self.early = self.time(shape), 0
            called = self.tally.of(place.run)
            self.note(place, broken_by_kill(found, left))
            self.note(place, broken_by_calls(found, calls, called))
            found, calls = left, called
            if not end.killed:
                self.expect_success(place, end.code, end.said)
                break
        self.finish(place, found)

    def finish(self, place: Place, found: Sequence[Event]) -> None:
        calls = self.tally.of(place.run)
        end = attempt(partial(carry_on, place), log=self.log)
        self.expect_success(place, end.code, end.said)
        events, called = journal(place), self.tally.of(place.run)
        self.note(place, broken_by_kill(found, events))
        self.note(place, broken_by_calls(found, calls, called))
        self.note(place, broken_by_effects(called))
        self.note(place, broken_at_the_end(events, called))
        self.report.runs += 1
        self.report.in_doubt += sum(event.type == "node.decided" for event in events)
        for (_, effect), count in Counter((call.node, call.effect) for call in called).items():
            self.report.repeated[effect] = self.report.repeated.get(effect, 0) + count - 1

    def expect_success(self, place: Place, code: int, said: str) -> None:
        if code:
            self.note(place, [f"a process that nobody killed ended with {code}: {said}"])

    def note(self, place: Place, broken: Iterable[str]) -> None:
        self.report.broken += [f"{place.shape} {place.run}: {each}" for each in broken]


def campaign(kills: int, *, seed: int, store: str | None) -> Report:
    """Kills so many processes, or more until enough of the kills were of resumed runs. `store` is a
    URL; None makes a new folder for each run."""
    begun, resumed = time.perf_counter(), kills // RESUMED
    with tempfile.TemporaryDirectory() as folder, serving() as tally:
        one = Campaign(Path(folder), store, tally, random.Random(seed))
        one.warm_up()
        for number in range(MOST_RUNS * kills):
            left = max(kills - one.report.kills, resumed - one.report.kills_of_resumed)
            if left <= 0 or one.report.broken:
                break
            one.run(number, min(left, one.chance.randint(1, MOST_KILLS)))
        else:
            came = f"{one.report.kills} kills came before the end, {one.report.kills_of_resumed}"
            one.report.broken.append(f"{came} of resumed runs: too few, of {kills} and {resumed}")
    one.report.seconds = time.perf_counter() - begun
    return one.report


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=60)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--store", help="a URL; by default each run has a folder of its own")
    chosen = options.parse_args()
    report = campaign(chosen.kills, seed=chosen.seed, store=chosen.store)
    print(json.dumps(asdict(report), indent=2))
    sys.exit(bool(report.broken))
