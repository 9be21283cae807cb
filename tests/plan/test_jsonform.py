"""The JSON form: what a model or a machine may write, and how mistakes in it are told."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from agentkit import tool
from agentkit.errors import InvalidPlan
from agentkit.plan.graph import Call, Const, Expr, Plan, apply
from agentkit.plan.jsonform import patch_from_json, patch_to_json, plan_from_json, plan_to_json
from agentkit.plan.planschema import plan_schema
from agentkit.plan.program import parse_program
from agentkit.types import Json


class Line(BaseModel):
    """A line of an invoice."""

    price: float


@tool
def invoice_total(lines: list[Line], currency: str = "EUR") -> float:
    """Add up an invoice."""
    return sum(line.price for line in lines)


TOOLS = {invoice_total.name: invoice_total}
PROGRAM = """
low = [invoice_total(lines=part, currency="EUR") for part in call.parts if part]
total = sum(low) + invoice_total(lines=[{"price": 2.5}])
if total > 3:
    observe(total)
answer(f"{total} euro", using=[low])
"""


def errors(form: Json) -> list[str]:
    """What a public validator says against the form."""
    validator: Any = Draft202012Validator(plan_schema(TOOLS))
    return [error.message for error in validator.iter_errors(form)]


def plan() -> Plan:
    made = Plan()
    patches, problems = parse_program(PROGRAM, TOOLS)
    assert problems == []
    for patch in patches:
        made = apply(made, patch)
    return made


def test_the_schema_accepts_the_form_of_a_plan() -> None:
    form = plan_to_json(plan())
    del form["inputs"]
    Draft202012Validator.check_schema(plan_schema(TOOLS))
    assert errors(form) == []


@pytest.mark.parametrize(
    "node",
    [
        {"id": "a", "tool": "invoice_sum", "args": {"lines": []}},
        {"id": "a", "tool": "invoice_total", "args": {"lines": 3}},
        {"id": "a", "tool": "invoice_total", "args": {"lines": [{"price": "3"}]}},
        {"id": "a", "tool": "invoice_total", "args": {"lines": [], "curency": "EUR"}},
        {"id": "a", "tool": "invoice_total", "args": {}},
        {"id": "answer", "compute": 3},
        {"id": "a", "compute": {"$": "x", "more": 1}},
    ],
)
def test_the_schema_refuses_what_the_check_would(node: Json) -> None:
    assert errors({"nodes": [node], "answer": {}}) != []


MISTAKES: list[tuple[Json, str, str]] = [
    ([], "an object", "the top"),
    ({}, "the field 'nodes'", "the top"),
    ({"nodes": [{"id": "a"}]}, "a node with one of tool", "/nodes/0"),
    ({"nodes": [{"id": "_a", "compute": 1}]}, "a Python name", "/nodes/0/id"),
    ({"nodes": [{"id": "a", "compute": {"$": "1 +"}}]}, "Python syntax", "/nodes/0/compute"),
    ({"nodes": [{"id": "a", "compute": {"$": 1}}]}, "a reference as", "/nodes/0/compute"),
    ({"nodes": [{"id": "a", "compute": {"$": "f()"}}]}, "one of len", "/nodes/0/compute"),
    ({"nodes": [{"id": "a", "tool": "t", "args": {"x/y": [float("nan")]}}]},
     "a JSON value within bounds", "/nodes/0/args/x~1y/0"),
    ({"nodes": [{"id": "a", "tool": "t", "when": {"guard": "g", "holds": 1}}]},
     "true or false", "/nodes/0/when/holds"),
    ({"nodes": [{"id": "a", "over": [], "var": "h", "value": 1, "body": []}]},
     "at least one call", "/nodes/0/body"),
    ({"nodes": [], "anwser": {}}, "one of nodes", "the top; did you mean 'answer'?"),
    ({"nodes": [{"id": "a", "compute": 1}, {"id": "a", "guard": 1}]}, "a new name", "/nodes"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "expected", "pointer"), MISTAKES)
def test_every_mistake_names_its_place(form: Json, expected: str, pointer: str) -> None:
    with pytest.raises(InvalidPlan) as error:
        plan_from_json(form)
    assert expected in str(error.value)
    assert str(error.value).endswith(f"at {pointer}")


def test_all_mistakes_are_told_at_once() -> None:
    nodes: Json = [{"id": "a"}, {"id": "b", "compute": {"$": "("}}, 3]
    with pytest.raises(InvalidPlan) as error:
        patch_from_json({"add": nodes, "remove": [1]})
    assert len(error.value.problems) == 4


def test_references_may_stand_inside_of_values() -> None:
    args: Json = {"values": {"talk": {"$": "talk"}, "k": [1, {"$": "n + 1"}]}, "plain": [{"a": 1}]}
    made = plan_from_json({"nodes": [{"id": "a", "tool": "t", "args": args}]})
    call = made.nodes["a"]
    assert isinstance(call, Call)
    values = call.args["values"]
    assert isinstance(values, Expr) and values.source == "{'talk': talk, 'k': [1, n + 1]}"
    assert call.args["plain"] == Const([{"a": 1}])


def test_a_constant_that_looks_like_a_reference_stays_a_constant() -> None:
    patches, _ = parse_program("x = {'$': 'y'}\nz = [{'a': {'$': 1}}]", {})
    made = Plan()
    for patch in patches:
        made = apply(made, patch)
    assert plan_from_json(plan_to_json(made)) == made


@pytest.mark.parametrize("depth", [20, 60])
def test_what_the_text_may_nest_the_form_may_too(depth: int) -> None:
    text = f"x = {'[' * depth}{']' * depth}\ny = {'[' * depth}x{']' * depth}"
    patches, problems = parse_program(text, {})
    assert problems == []
    for patch in patches:
        assert patch_from_json(patch_to_json(patch)) == patch
