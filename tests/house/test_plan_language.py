"""docs/plan-language.md tells the truth: what it shows is accepted, what it refuses is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from agentkit.media import handle_schema
from agentkit.plan.check import check, check_patch, scope_of
from agentkit.plan.graph import Plan, apply
from agentkit.plan.problem import Problem
from agentkit.plan.program import ProgramReader
from agentkit.tool import Tool

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "plan-language.md").read_text("utf-8")
FENCE = re.compile(r"^```(?P<kind>[a-z ]+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
FENCES = [(match["kind"], match["text"]) for match in FENCE.finditer(PAGE)]
ACCEPTED = [text for kind, text in FENCES if kind == "plan"]
REFUSED = [
    line for kind, text in FENCES if kind == "plan refused" for line in text.splitlines() if line
]
EMPTY = Plan(inputs={"call": handle_schema("audio/*")})


@pytest.fixture(scope="module")
def tools() -> dict[str, Tool[..., Any]]:
    """The tools that the page defines in its first block."""
    code = next(text for kind, text in FENCES if kind == "python")
    names: dict[str, Any] = {"__name__": "plan_language"}
    exec(compile(code, "docs/plan-language.md", "exec", dont_inherit=True), names)
    return {name: value for name, value in names.items() if isinstance(value, Tool)}


def read(text: str, tools: dict[str, Tool[..., Any]]) -> tuple[Plan, list[Problem]]:
    """The plan that the accepted statements make, and every problem of the others."""
    reader = ProgramReader(tools, EMPTY)
    scope, plan, problems = scope_of(EMPTY, tools), EMPTY, list[Problem]()
    for found in [*reader.feed(text), *reader.close()]:
        if isinstance(found, Problem):
            problems.append(found)
            continue
        checked = check_patch(scope, found)
        problems += checked.problems
        scope = checked.scope
        plan = apply(plan, found) if checked.accepted else plan
    return plan, problems


@pytest.mark.parametrize("text", ACCEPTED, ids=range(len(ACCEPTED)))
def test_what_the_page_shows_is_accepted(text: str, tools: dict[str, Tool[..., Any]]) -> None:
    plan, problems = read(text, tools)
    assert problems == []
    assert plan.nodes
    assert check(plan, tools) == ()


@pytest.mark.parametrize("line", REFUSED, ids=range(len(REFUSED)))
def test_what_the_page_refuses_is_refused(line: str, tools: dict[str, Tool[..., Any]]) -> None:
    statement, _, codes = line.partition("#")
    before = "e = total(prices=[1.0])\n" if statement.startswith("e = 1") else ""
    _, problems = read(before + statement.rstrip() + "\n", tools)
    assert {problem.code for problem in problems} == {code.strip() for code in codes.split(",")}


def test_the_page_has_examples_of_both_kinds() -> None:
    assert len(ACCEPTED) >= 8
    assert len(REFUSED) >= 10
