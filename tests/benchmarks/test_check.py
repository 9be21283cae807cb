"""The benchmark of the check reads odd documentation right and makes only real mistakes."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agentkit.plan.check import check
from agentkit.plan.graph import Call, Const, Plan
from benchmarks.gold.case import described_tool, identifier, object_schema
from benchmarks.gold.doctypes import fields_of, schema_of
from benchmarks.gold.mutations import EXPECTED, mutations
from tests.processes import finished

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "check.py"


@pytest.mark.parametrize(
    ("doc", "schema"),
    [
        ("string", {"type": "string"}),
        ({"type": "HashMap"}, {"type": "object"}),
        ({"type": "any"}, {}),
        ({"description": "no type"}, {}),
        ({"type": "Date (yyyy-mm-dd)"}, {"type": "string"}),
        ({"type": "Enum", "allowed_values": ["a"]}, {"type": "string", "enum": ["a"]}),
        ({"possible_values": ["a"], "type": ""}, {"enum": ["a"]}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "Number", "allowed_values": "1-100"}, {"type": "number"}),
        (
            {"type": "tuple", "items": {"type": "float"}},
            {"type": "array", "items": {"type": "number"}},
        ),
    ],
)
def test_documented_types_become_schemas(doc: Any, schema: Any) -> None:
    assert schema_of(doc) == schema


def test_required_is_a_list_or_a_mark() -> None:
    marked = {"a": {"type": "str", "required": True}, "b": {"type": "str"}}
    assert fields_of(marked)["required"] == ["a"]
    assert fields_of(marked, ["b", "absent"])["required"] == ["b"]


def test_names_become_identifiers() -> None:
    assert [identifier(name) for name in ("math.gcd", "Text-to-Speech", "3d", "class")] == [
        "math_gcd",
        "Text_to_Speech",
        "tool_3d",
        "tool_class",
    ]


def test_every_kind_of_mistake_is_made_and_is_one() -> None:
    properties = {"mode": {"type": "string", "enum": ["a", "b"]}, "count": {"type": "integer"}}
    tools = {"pick": described_tool("pick", object_schema(properties, ["mode"]))}
    call = Call(id="x", tool="pick", args={"mode": Const("a"), "count": Const(1)})
    plan = Plan(nodes={"x": call})
    made = list(mutations(plan, tools))

    assert not check(plan, tools)
    assert Counter(mutation.kind for mutation in made).keys() == EXPECTED.keys()
    for mutation in made:
        codes = {problem.code for problem in check(mutation.plan, tools)}
        assert EXPECTED[mutation.kind] in codes, mutation


def test_without_the_data_it_says_why_it_is_skipped(tmp_path: Path) -> None:
    done = finished(
        [sys.executable, str(SCRIPT), str(tmp_path), "--check"],
        cwd=SCRIPT.parents[1],
        env={"PYTHONPATH": str(SCRIPT.parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert "skipped:" in done.stdout and "taskbench" in done.stdout
