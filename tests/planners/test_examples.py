"""The examples that a small model plans after are plans that the check accepts, and are found."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from agentkit.media import Audio, Image
from agentkit.plan.check import check_patch, scope_of
from agentkit.plan.graph import Plan
from agentkit.plan.program import parse_program
from agentkit.planners.examples import LEAST, alike, nearest, shipped
from agentkit.protocols import Example
from agentkit.tool import Tool, tool
from agentkit.tools import named
from agentkit.types import Schema


@tool
def given(sound: Audio, image: Image, numbers: list[float], texts: list[str]) -> None:
    """Its parameters are of the types that inputs of examples have."""


SCHEMAS: dict[str, Schema] = dict(
    zip(
        ("Audio", "Image", "list[float]", "list[str]"),
        cast("dict[str, Schema]", given.input_schema["properties"]).values(),
        strict=True,
    )
) | {"int": {"type": "integer"}, "float": {"type": "number"}}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tool[..., Any]]:
    folder: Path = tmp_path_factory.mktemp("files")
    names = (f"search:{folder}", "transcribe", "read_image", "language", f"files:{folder}")
    return {one.name: one for name in names for one in named(name)}


def inputs(example: Example) -> dict[str, Schema]:
    said = example.task.partition("\nInputs: ")[2]
    return {
        name: SCHEMAS[kind]
        for name, _, kind in (one.partition(": ") for one in said.split(", ") if one)
    }


@pytest.mark.parametrize("example", shipped(), ids=lambda example: example.task[:40])
def test_each_is_a_plan_that_the_check_accepts(
    example: Example, tools: dict[str, Tool[..., Any]]
) -> None:
    scope = scope_of(Plan(inputs=inputs(example)), tools)
    patches, problems = parse_program(example.plan, tools, scope.plan)
    assert problems == []
    for patch in patches:
        checked = check_patch(scope, patch)
        assert checked.accepted, [str(one) for one in checked.problems]
        scope = checked.scope
    assert scope.plan.answer is not None


def test_a_task_gets_examples_with_inputs_like_its_own_the_likest_last() -> None:
    task = "Translate what the speaker says into Danish.\nInputs: talk: Audio"
    group = alike(task, shipped())
    assert len(group) >= LEAST
    assert all(one.task.endswith(": Audio") for one in group)
    assert "translate(" in nearest(task, group, 2)[-1].plan


def test_a_kind_of_inputs_that_no_example_has_gets_those_without_and_those_that_share_one() -> None:
    group = alike("Any.\nInputs: sound: Audio, names: list[str]", shipped())
    ends = {one.task.partition("\nInputs: ")[2].rpartition(": ")[2] for one in group}
    assert {"", "Audio", "list[str]"} <= ends


def test_no_example_is_a_task_that_is_shown_or_measured() -> None:
    """Who plans after the plan of its own task shows nothing."""
    root = Path(__file__).parents[2]
    written = (root / "examples").glob("*.py"), (root / "benchmarks/planning_tasks").glob("*.jsonl")
    texts = [path.read_text("utf-8") for paths in written for path in paths]
    assert len(texts) > 5
    for example in shipped():
        task = example.task.partition("\n")[0]
        assert not any(task in text for text in texts), task
