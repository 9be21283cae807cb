"""Whether hostile text costs the reader of plans more than its length.

    python benchmarks/hostile_text.py [--check]

Each kind is read twice, as a model would stream it: once eight times as long. The reader's time
must grow with the length, not with its square. Where both take next to nothing, there is no ratio.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time

from hostile_kinds import KINDS
from table import Row, exit_code, show

from agentkit.plan.graph import Plan
from agentkit.plan.program import ProgramReader

PARTS, TIMES = 2_000, 8
MOST_TIMES = 16
LEAST_S = 0.1
PIECE = 100
"""Characters that come at once."""


def cpu_s(text: str) -> float:
    """Seconds of CPU that reading takes: the least of three, which was disturbed least."""
    return min(_once(text) for _ in range(3))


def _once(text: str) -> float:
    reader = ProgramReader({}, Plan())
    gc.collect()
    gc.disable()
    try:
        started = time.thread_time()
        for start in range(0, len(text), PIECE):
            reader.feed(text[start : start + PIECE])
        reader.close()
        return time.thread_time() - started
    finally:
        gc.enable()


def main() -> int:
    parser = argparse.ArgumentParser(description="reading hostile text in linear time")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    rows: list[Row] = []
    for name, part in KINDS.items():
        small, large = cpu_s(part * PARTS), cpu_s(part * PARTS * TIMES)
        times = large / small
        figure = f"{times:.1f} times in {large * 1e3:.0f} ms"
        met = large < LEAST_S or times <= MOST_TIMES
        rows.append(Row(f"{name}: {TIMES} times the text <= {MOST_TIMES} times", figure, met))
    show("Hostile text", rows)
    return exit_code(rows, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
