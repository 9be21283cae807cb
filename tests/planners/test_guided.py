"""Plans under the grammar are well-typed whatever the model chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit import Agent
from agentkit.media import Audio, Image
from agentkit.messages import Profile
from agentkit.plan.check import check
from agentkit.plan.graph import Call, Patch, Plan, apply
from agentkit.plan.problem import Problem
from agentkit.planners import Program
from agentkit.protocols import Brief
from agentkit.testing import ScriptedModel
from agentkit.tool import Tool, from_schema, tool
from agentkit.types import Json, Schema
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


async def planned(
    seed: int,
    inputs: list[str],
    task: str,
    tools: Mapping[str, Tool[..., Any]] = TOOLS,
) -> Plan:
    """The plan of a model that writes anything that the grammar allows."""
    plan = Plan(inputs={name: INPUTS[name] for name in inputs})
    brief = Brief(task=task, plan=plan, tools=tools, model=walker(seed))
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


TEXT: Json = {"type": "string"}
FIELDS = ("from", "content-type", "_id", "it's", 'a"b', "ok")
LETTER: dict[str, Json] = {
    "type": "object",
    "properties": {name: TEXT for name in FIELDS},
    "required": [*FIELDS],
}


def foreign(name: str, *names: str, gives: Schema) -> Tool[..., Any]:
    """A tool as an MCP server or an OpenAPI document may describe it; gives its arguments."""

    async def call(**arguments: Any) -> Any:
        return {**dict.fromkeys(FIELDS, ""), **arguments}

    schema: Schema = {
        "type": "object",
        "properties": {one: TEXT for one in names},
        "required": [*names],
        "additionalProperties": False,
    }
    return from_schema(
        call, name=name, description=name, effect="read", input_schema=schema, output_schema=gives
    )


FOREIGN: dict[str, Tool[..., Any]] = {
    one.name: one
    for one in (
        foreign("mail", "from", "to", 'a"b', gives=LETTER),
        foreign("inbox", "class", gives={"type": "array", "items": LETTER}),
    )
}


@settings(max_examples=15, deadline=None)
@given(st.integers())
async def test_whatever_the_grammar_offers_of_foreign_names_the_plan_language_reads(
    seed: int,
) -> None:
    plan = await planned(seed, ["names"], 'If it is much, say "Hi".', FOREIGN)
    assert check(plan, FOREIGN) == ()
    assert plan.answer is not None


def small(*replies: str) -> ScriptedModel:
    """A model that plans under a grammar."""
    profile = Profile(guided=True, grammar=True, tools=False)
    return ScriptedModel(replies=[*replies], profile=profile)


def test_arguments_and_fields_whose_names_are_no_python_names_reach_their_tools() -> None:
    tools = [foreign("mail", "from", "user-id", gives=LETTER), foreign("tell", "q", gives=LETTER)]
    model = small(
        'x = mail(**{"from": "Ida"}, **{"user-id": "7"})\n',
        "y = tell(q=x['from'])\n",
        "answer(",
        "Told.",
    )
    result = Agent(model=model, tools=tools, store="memory").run_sync("Tell it.")
    sent, told = (cast("dict[str, str]", result.outcomes[name].value) for name in ("x", "y"))
    assert (sent["from"], sent["user-id"], told["q"]) == ("Ida", "7", "Ida")
    first, second, *_ = (str(one.grammar) for one in model.requests)
    assert r'"mail(" "**{\"from\": " ' in first
    assert "\"x['content-type']\"" in second
    assert "it's" not in second  # a field that cannot be written within an f-string


async def test_a_statement_that_cannot_be_read_is_told() -> None:
    tell = foreign("tell", "q", gives=LETTER)
    model = small("x = tell(q=007)\n", 'x = tell(q="7")\n', "answer(")
    brief = Brief(task="Tell it.", plan=Plan(), tools={"tell": tell}, model=model)
    problem, *patches = [one async for one in Program().propose(brief)]
    assert isinstance(problem, Problem) and problem.code == "syntax"
    assert [type(one) for one in patches] == [Patch, Patch]
