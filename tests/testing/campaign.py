"""Many seeds of the simulation, on all cores: `python -m tests.testing.campaign 100000`.

Prints how many runs there were and what became of them; each seed that breaks a rule is named, with
how to run it alone, and the exit code is 1 then. A second number says where to begin.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from agentkit.testing.simulation import simulate

CHUNK = 50


def run(first: int, count: int = CHUNK) -> tuple[Counter[str], list[str]]:
    """What became of so many seeds: counts of ends and events, and what went wrong."""
    came_to: Counter[str] = Counter()
    wrong: list[str] = []
    for seed in range(first, first + count):
        try:
            done = simulate(seed)
        except AssertionError as error:
            wrong.append(str(error))
            continue
        came_to[done.state.status] += 1
        came_to["events"] += len(done.events)
        came_to["lives"] += len(done.troubles)
    return came_to, wrong


def main(count: int, first: int = 0) -> int:
    began, came_to, wrong = time.monotonic(), Counter[str](), list[str]()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        starts = range(first, first + count, CHUNK)
        for found, broken in pool.map(run, starts):
            came_to += found
            wrong += broken
            for each in broken:
                print(each, flush=True)
    took_s = time.monotonic() - began
    told = ", ".join(f"{number} {what}" for what, number in sorted(came_to.items()))
    print(f"{len(starts) * CHUNK} seeds in {took_s:.0f} s: {told}; {len(wrong)} break a rule")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
