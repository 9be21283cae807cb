"""Plans under the grammar are well-typed whatever the model chooses."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.media import Audio, Image
from agentkit.plan.check import check
from agentkit.plan.graph import Call, Patch, Plan, apply
from agentkit.planners import Program
from agentkit.protocols import Brief
from agentkit.tool import Tool, tool
from agentkit.types import Schema
from tests.planners.walk import walker

pytestmark = pytest.mark.anyio


@tool(effect="read")
def transcribe(audio: Audio) -> dict[str, str]:
    """Speech to text."""
    return {"text": str(audio)}


@tool(effect="pure")
def read_image(image: Image) -> str:
    """Text of an image."""
    return str(image)


@tool(effect="read")
def search(query: str, k: int = 5) -> list[str]:
    """Passages about the query."""
    return [query] * k


@tool(effect="read")
def compute(task: str, values: dict[str, Any]) -> float:
    """Calculate something."""
    return float(len(task) + len(values))


@tool(effect="write")
def write_file(path: str, text: str) -> int:
    """Write a file."""
    return len(path + text)


TOOLS: dict[str, Tool[..., Any]] = {
    one.name: one for one in (transcribe, read_image, search, compute, write_file)
}


def parameter(of: Tool[..., Any], name: str) -> Schema:
    """The schema of a tool's parameter."""
    return cast("dict[str, dict[str, Any]]", of.input_schema["properties"])[name]


INPUTS: dict[str, Schema] = {
    "call": parameter(transcribe, "audio"),
    "photo": parameter(read_image, "image"),
    "amount": {"type": "number"},
    "names": {"type": "array", "items": {"type": "string"}},
}


async def planned(seed: int, inputs: list[str], task: str) -> Plan:
    plan = Plan(inputs={name: INPUTS[name] for name in inputs})
    brief = Brief(task=task, plan=plan, tools=TOOLS, model=walker(seed))
    async for proposal in Program().propose(brief):
        assert isinstance(proposal, Patch), proposal
        plan = apply(plan, proposal)
    return plan


@settings(max_examples=60, deadline=None)
@given(st.integers(), st.lists(st.sampled_from(sorted(INPUTS)), unique=True))
async def test_any_choice_under_the_grammar_is_a_plan_without_problems(
    seed: int, inputs: list[str]
) -> None:
    plan = await planned(seed, inputs, "If it is much, save it in out.txt.")
    assert check(plan, TOOLS) == ()
    assert plan.answer is not None


@settings(max_examples=30, deadline=None)
@given(st.integers())
async def test_bytes_are_read_before_anything_else_happens(seed: int) -> None:
    plan = await planned(seed, ["call", "photo"], "Compare them.")
    first = [node.tool for node in list(plan.nodes.values())[:2] if isinstance(node, Call)]
    assert sorted(first) == ["read_image", "transcribe"]
