"""Processes killed (SIGKILL) in the middle of a run, then resumed: which steps ran again?

Each step leaves one line with a witness outside when it does its effect and one when it returns.
"""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from peers.environment import Engine
from table import Row

STEPS = 30
WITNESS = "witness.txt"
MOST_DRAWS = 10
"""A kill that came after the end is drawn again, from half the time, so often at most."""


@dataclass(frozen=True, slots=True)
class Kill:
    """What the witness saw: steps begun and returned when the process died, and done again after.

    `known` are the steps whose outcome was in the journal, `started` those that the journal knows
    to have started and no more, `doubted` those that ended in doubt: told by agentkit only.
    """

    begun: frozenset[int]
    returned: frozenset[int]
    again: frozenset[int]
    known: frozenset[int]
    started: frozenset[int]
    doubted: frozenset[int]


def kills(engine: Engine, shape: str, *, count: int, chance: random.Random) -> list[Kill]:
    """So many kills at random instants between a run's first step and its end."""
    seconds = whole_run_s(engine, shape)
    return [one_kill(engine, shape, chance=chance, within_s=seconds) for _ in range(count)]


def one_kill(engine: Engine, shape: str, *, chance: random.Random, within_s: float) -> Kill:
    """A kill at a random instant of a run that lasts about `within_s` seconds."""
    for _ in range(MOST_DRAWS):
        with tempfile.TemporaryDirectory() as folder:
            kill = killed(engine, shape, Path(folder), chance.uniform(0, within_s))
        if kill is not None:
            return kill
        within_s /= 2  # the machine may have been busy when the whole run was measured
    raise RuntimeError(f"{engine.name}: {shape}: every process ended before it was killed")


def whole_run_s(engine: Engine, shape: str) -> float:
    """Seconds from the first step to the end of a run that nobody kills."""
    with tempfile.TemporaryDirectory() as folder, started(engine, shape, Path(folder)) as process:
        begun = time.perf_counter()
        assert process.stdout is not None
        if not process.stdout.readline():
            raise RuntimeError(f"{engine.name} failed: {process.communicate()[1]}")
        return time.perf_counter() - begun


def started(engine: Engine, shape: str, folder: Path) -> subprocess.Popen[str]:
    """A process whose run has just done its first effect."""
    process = subprocess.Popen(
        engine.command("effects", folder, shape, STEPS),
        env=engine.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if line.strip() != "begun":
        raise RuntimeError(f"{engine.name} did not begin: {line}{process.communicate()[1]}")
    return process


def killed(engine: Engine, shape: str, folder: Path, after_s: float) -> Kill | None:
    """A run, killed and resumed to its end; None where it had ended before."""
    with started(engine, shape, folder) as process:
        try:
            # The moment is what is random here; nothing is waited for.
            process.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            process.kill()
        if process.communicate()[0]:
            return None
    before = seen(folder)
    resumed = subprocess.run(
        engine.command("effects", folder, shape, STEPS),
        env=engine.environment,
        capture_output=True,
        text=True,
    )
    if resumed.returncode:
        raise RuntimeError(f"{engine.name} did not finish a {shape}: {resumed.stderr}")
    told = json.loads(resumed.stdout.splitlines()[-1])
    after = seen(folder)
    assert {number for word, number in after if word == "did"} == {*range(STEPS)}, after
    again = Counter(after)
    again.subtract(before)
    return Kill(
        begun=frozenset(number for word, number in before if word == "did"),
        returned=frozenset(number for word, number in before if word == "returns"),
        again=frozenset(number for word, number in before if word == "did" and again[word, number]),
        known=frozenset(told.get("ended", ())),
        started=frozenset(told.get("started", ())),
        doubted=frozenset(told.get("doubted", ())),
    )


def seen(folder: Path) -> list[tuple[str, int]]:
    """The witness's lines."""
    lines = (line.split() for line in (folder / WITNESS).read_text().splitlines())
    return [(word, int(number)) for word, number in lines]


def rows(engine: Engine, shape: str, found: Sequence[Kill]) -> list[Row]:
    """What became of the steps; only agentkit has goals."""
    returned = [kill.returned & kill.again for kill in found]
    flying = [kill.again - kill.returned for kill in found]
    what = f"{engine.name}, {shape} of {STEPS}, {len(found)} kills"
    figures = [
        Row(
            f"{what}: returned and done again",
            f"{total(returned)} of {total([kill.returned for kill in found])}"
            f" (at most {max(map(len, returned))})",
        ),
        Row(f"{what}: in flight and done again", f"{total(flying)}"),
    ]
    return figures + (goals(engine, what, found) if engine.name.startswith("agentkit") else [])


def goals(engine: Engine, what: str, found: Sequence[Kill]) -> list[Row]:
    """In flight is, for a journal, what has begun or was about to, and has no outcome in it."""
    known = total([kill.known & kill.again for kill in found])
    again = total([kill.again for kill in found])
    flying = total([(kill.begun | kill.started) - kill.known for kill in found])
    doubted = total([kill.doubted for kill in found])
    rows = [Row(f"{what}: outcome in the journal and done again = 0", f"{known}", known == 0)]
    if "once" not in engine.mode:
        return [*rows, Row(f"{what}: done again <= in flight", f"{again} <= {flying}",
                           again <= flying)]  # fmt: skip
    return [
        *rows,
        Row(f"{what}: done again = 0", f"{again}", again == 0),
        Row(f"{what}: in doubt <= in flight", f"{doubted} <= {flying}", doubted <= flying),
    ]


def total(sets: Sequence[frozenset[int]]) -> int:
    return sum(map(len, sets))
