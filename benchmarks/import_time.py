"""How long `import agentkit` keeps the processor busy, beside `import pydantic` in the same run.

    python benchmarks/import_time.py [--check]

CPU seconds of fresh interpreters, one after the other and alternating, so that a busy machine
slows both alike; a bare interpreter's own start is taken off. The median of all runs counts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from table import Row, exit_code, show

ROOT = Path(__file__).resolve().parents[1]
MOST_TIMES_PYDANTIC = 1.5
CODE = "import time{more}; print(time.process_time())"


def cpu_s(module: str | None) -> float:
    """CPU seconds of an interpreter from its start to after the import."""
    code = CODE.format(more=f", {module}" if module else "")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def measure(runs: int) -> dict[str | None, float]:
    """The median CPU seconds of each import; None is the interpreter alone."""
    modules: Sequence[str | None] = (None, "pydantic", "agentkit")
    taken: dict[str | None, list[float]] = {module: [] for module in modules}
    for module in modules:
        cpu_s(module)  # the first one writes bytecode
    for _ in range(runs):
        for module in modules:
            taken[module].append(cpu_s(module))
    return {module: median(values) for module, values in taken.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description="CPU time of import agentkit")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--check", action="store_true", help="exit 1 where the goal is missed")
    given = parser.parse_args()
    cpu = measure(given.runs)
    ours, theirs = cpu["agentkit"] - cpu[None], cpu["pydantic"] - cpu[None]
    ratio = ours / theirs
    rows = [
        Row("import pydantic, CPU", f"{1000 * theirs:.0f} ms"),
        Row("import agentkit, CPU", f"{1000 * ours:.0f} ms"),
        Row(
            f"import agentkit / import pydantic <= {MOST_TIMES_PYDANTIC}",
            f"{ratio:.2f}",
            ratio <= MOST_TIMES_PYDANTIC,
        ),
    ]
    show(f"Import time, median of {given.runs}", rows)
    return exit_code(rows, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
