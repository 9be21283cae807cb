"""What the check of plans finds in public data sets, and how long it takes for a statement.

    python benchmarks/check.py DATA [--check]

DATA is a folder with `taskbench`, `seal_tools`, `nestful` and `bfcl` in the form that their READMEs
there describe. A gold plan that contradicts the documentation of its own tools is a known defect
of the data: `check_known_defects.json` lists each by its id with the contradiction, written by hand
from the case and the documentation. A listed case that the check accepts counts as a miss just as
an unlisted one that it refuses; and jsonschema with plain look-ups (`gold/confirm.py`) must object
to each listed plan and to no other. They share no code with the check. They do share the readers,
and so how the documentation is read: that is guarded by the reading of the listed cases alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from gold import bfcl, bfcl_turns, nestful, seal_tools, taskbench
from gold.case import Case, described_tool, object_schema
from gold.confirm import objections
from gold.mutations import EXPECTED, mutations
from table import Row, exit_code, show

from agentkit.plan.check import check, check_patch, scope_of
from agentkit.plan.graph import Call, Const, Patch, Plan, Ref
from agentkit.plan.scope import empty_scope

GOLD: dict[str, tuple[str, Callable[[Path], Iterator[Case]]]] = {
    "seal_tools": ("seal_tools", seal_tools.read),
    "nestful": ("nestful", nestful.read),
    "bfcl": ("bfcl", bfcl.read),
    "bfcl_turns": ("bfcl", bfcl_turns.read),
}
"""The folder and the reader of each kind of case; the ids of its cases begin with its name."""
DEFECTS = Path(__file__).parent / "check_known_defects.json"
LEAST_CAUGHT = 0.99
MOST_MS = 1.0
LARGE = 5000


def written_plans(folder: Path) -> list[Row]:
    """Plans that models wrote: each defect of structure told where it is, and nothing else."""
    shown: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    sound = falsely_refused = 0
    for written in taskbench.read(folder):
        problems = check(written.plan, written.tools)
        told = {(problem.code, problem.node) for problem in problems}
        for kind in {kind for kind, _ in written.defects}:
            places = [nodes for found, nodes in written.defects if found == kind]
            shown[kind] += 1
            caught[kind] += all(any((kind, node) in told for node in nodes) for nodes in places)
        if not written.defects:
            sound += 1
            falsely_refused += any(code in taskbench.STRUCTURAL for code, _ in told)
    rows = [
        Row(
            f"taskbench: plans with {words} refused, located",
            f"{caught[kind]} of {shown[kind]}",
            caught[kind] == shown[kind] > 0,
        )
        for kind, words in taskbench.STRUCTURAL.items()
    ]
    figure = f"{falsely_refused} of {sound}"
    return [*rows, Row("taskbench: sound plans refused", figure, falsely_refused == 0 < sound)]


def gold_plans(name: str, cases: list[Case], defects: dict[str, str]) -> list[Row]:
    """Plans that people wrote: accepted, but for the known defects of the data."""
    refused = {case.id for case in cases if check(case.plan, case.tools)}
    known = {id for id in defects if id.startswith(f"{name}/")}
    for id in sorted(refused - known):
        print(f"  refused and not known as a defect: {id}")
    for id in sorted(known - refused):
        print(f"  known as a defect and accepted: {id}")
    sound = len(cases) - len(known)
    return [
        Row(
            f"{name}: gold plans accepted ({len(known)} known defects)",
            f"{len(cases) - len(refused)} of {sound}",
            refused == known and sound > 0,
        ),
        *second_opinion(name, cases, known),
    ]


def second_opinion(name: str, cases: list[Case], known: set[str]) -> list[Row]:
    """What jsonschema and look-ups, without the check, say of the same plans."""
    objected = {case.id: found for case in cases if (found := objections(case))}
    for id in sorted(objected.keys() - known):
        print(f"  not known as a defect: {id}, {objected[id][0]}")
    confirmed = objected.keys() & known
    by_schema = sum(any(one.by == "jsonschema" for one in objected[id]) for id in confirmed)
    others = len(objected) - len(confirmed)
    ways = f"{by_schema} by jsonschema, {len(confirmed) - by_schema} by look-up; all read by hand"
    goal, figure = f"{name}: listed, confirmed ({ways})", f"{len(confirmed)} of {len(known)}"
    listed = [Row(goal, figure, confirmed == known)] if known else []
    goal, figure = f"{name}: not listed, objected to", f"{others} of {len(cases) - len(known)}"
    return [*listed, Row(goal, figure, not others)]


def mistakes(cases: list[Case]) -> list[Row]:
    """One mistake at a time in the accepted plans: told by the right code at the right node."""
    made: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    for case in cases:
        if check(case.plan, case.tools):
            continue
        for mutation in mutations(case.plan, case.tools):
            made[mutation.kind] += 1
            caught[mutation.kind] += any(
                problem.code == EXPECTED[mutation.kind] and problem.node == mutation.node
                for problem in check(mutation.plan, case.tools)
            )
    return [
        Row(
            f"mutation: {kind} caught >= {LEAST_CAUGHT:.0%}",
            f"{caught[kind]} of {made[kind]}",
            caught[kind] >= LEAST_CAUGHT * made[kind] > 0,
        )
        for kind in EXPECTED
    ]


def times(cases: list[Case]) -> list[Row]:
    """Milliseconds of the check of one statement, in the gold plans and behind a large plan."""
    small: list[float] = []
    for case in cases:
        scope = empty_scope(case.plan, case.tools)
        for node in case.plan.nodes.values():
            before = time.perf_counter()
            scope = check_patch(scope, Patch(add=(node,))).scope
            small.append(1000 * (time.perf_counter() - before))
    text: dict[str, Any] = {"type": "string"}
    schema = object_schema({"text": text}, ["text"])
    tools = {"echo": described_tool("echo", schema, object_schema({"text": text}, ["text"]))}
    chain = [Call(id="n0", tool="echo", args={"text": Const("")})]
    for number in range(1, LARGE):
        args = {"text": Ref(f"n{number - 1}", ("text",))}
        chain.append(Call(id=f"n{number}", tool="echo", args=args))
    scope = scope_of(Plan(nodes={node.id: node for node in chain}), tools)
    large: list[float] = []
    for number in range(200):
        node = Call(id=f"m{number}", tool="echo", args={"text": Ref("n7", ("text",))})
        before = time.perf_counter()
        check_patch(scope, Patch(add=(node,)))
        large.append(1000 * (time.perf_counter() - before))
    return [
        Row(f"a statement of {len(small)} gold ones < {MOST_MS:g} ms (median)",
            f"{median(small):.3f} ms", median(small) < MOST_MS),
        Row(f"a statement behind {LARGE} nodes < {MOST_MS:g} ms (median)",
            f"{median(large):.3f} ms", median(large) < MOST_MS),
    ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description="The check of plans on public data sets")
    parser.add_argument("data", type=Path, help="the folder of the data sets")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    folders = dict.fromkeys(["taskbench", *(folder for folder, _ in GOLD.values())])
    absent = [name for name in folders if not (given.data / name).is_dir()]
    if absent:
        print(f"skipped: {given.data} has no {', '.join(absent)}")
        return 0
    defects: dict[str, str] = json.loads(DEFECTS.read_text(encoding="utf-8"))
    rows = written_plans(given.data / "taskbench")
    cases: list[Case] = []
    for name, (folder, read) in GOLD.items():
        found = list(read(given.data / folder))
        rows += gold_plans(name, found, defects)
        cases += found
    rows += mistakes(cases)
    rows += times(cases)
    show("Check of plans", rows)
    return exit_code(rows, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
