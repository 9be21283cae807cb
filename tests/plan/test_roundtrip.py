"""Plan, text and JSON: each form gives the others back."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.plan.expression import arg_source, expression
from agentkit.plan.graph import Const, Expr, Patch, Plan, Ref, apply
from agentkit.plan.jsonform import patch_from_json, patch_to_json, plan_from_json, plan_to_json
from agentkit.plan.program import parse_program
from agentkit.plan.source import to_source
from tests.plan.plans import args, plans


def read(text: str, plan: Plan) -> Plan:
    patches, problems = parse_program(text, {}, plan)
    assert problems == [], text
    for patch in patches:
        plan = apply(plan, patch)
    return plan


@settings(max_examples=100)
@given(plans())
def test_the_text_of_a_plan_is_that_plan(plan: Plan) -> None:
    text = to_source(plan)
    again = read(text, Plan(inputs=plan.inputs))
    assert again == plan, text
    assert to_source(again) == text


@settings(max_examples=100)
@given(plans())
def test_the_json_of_a_plan_is_that_plan(plan: Plan) -> None:
    text = json.dumps(plan_to_json(plan), ensure_ascii=False, allow_nan=False)
    again = plan_from_json(json.loads(text))
    assert again == plan
    assert list(again.nodes) == list(plan.nodes)
    assert json.dumps(plan_to_json(again), ensure_ascii=False) == text


@settings(max_examples=30)
@given(plans(), st.lists(st.sampled_from(["a", "b"]), unique=True))
def test_the_json_of_a_patch_is_that_patch(plan: Plan, remove: list[str]) -> None:
    nodes = tuple(plan.nodes.values())
    patch = Patch(add=nodes[:2], replace=nodes[2:], remove=tuple(remove), answer=plan.answer)
    assert patch_from_json(json.loads(json.dumps(patch_to_json(patch)))) == patch


@settings(max_examples=100)
@given(args(["x", "h"]))
def test_the_source_of_an_argument_is_its_normal_form(arg: Const | Ref | Expr) -> None:
    again = expression(arg_source(arg))
    assert again == arg
    if isinstance(arg, Const) and isinstance(again, Const):
        assert repr(again.value) == repr(arg.value)  # 1, 1.0 and True are equal
