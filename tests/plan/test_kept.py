"""What the check accepts the journal gives back; what no journal can keep of a plan it refuses.

A run goes on with a patch itself, and is resumed with what was journaled of it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.journal.codec import dumps
from agentkit.plan.check import check_patch, scope_of
from agentkit.plan.graph import (
    Answer,
    Arg,
    Call,
    Compute,
    Const,
    Map,
    Node,
    Observe,
    Patch,
    Plan,
    Ref,
)
from agentkit.plan.jsonform import patch_from_json, patch_to_json
from agentkit.tool import Tool, from_schema
from tests.plan.plans import IDS, INPUTS, TOOLS, args

ODD_NAMES = ["answer", "_x", "class", "a b", "", "ﬁ", "x.y", "1"]
ODD_VALUES = [
    float("nan"), float("-inf"), 2**1024, "\ud800", (1, 2), {1}, object(), {1: 2}, {"\udfff": 1},
    [[float("inf")]], {"$": "x"}, {"$": object()}, {"a": [{"$": (1,)}]}, 2**1023 - 1, b"x",
]  # fmt: skip
NAME = "a Python name without a leading underscore that the language does not use"
VALUE = "a JSON value within bounds"


def taking_anything(name: str) -> Tool:
    return from_schema(lambda: None, name=name, input_schema={})


def deep(levels: int) -> list[object]:
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


@st.composite
def odd_args(draw: st.DrawFn) -> Arg:
    """What only objects can hold, and what is at the edge of what a text can."""
    match draw(st.integers(0, 2)):
        case 0:
            odd = st.sampled_from(ODD_VALUES) | st.integers(60, 70).map(deep)
            return Const(draw(odd))  # type: ignore[arg-type]
        case 1:
            steps: Any = draw(st.lists(st.sampled_from([1.5, True, None, "a b", -1, "\ud800"])))
            return Ref("call", tuple(steps))
        case _:
            return draw(args([]))


@st.composite
def odd_patches(draw: st.DrawFn) -> Patch:
    """Patches that are made of objects: any names, any constants."""
    name = st.sampled_from(IDS) | st.sampled_from(ODD_NAMES)
    tool_name = st.sampled_from([*TOOLS, "answer"])

    def call(name: str) -> Call:
        return Call(id=name, tool=draw(tool_name), args={"k": draw(odd_args())})

    one, inner = draw(name), draw(name)
    body = tuple(call(inner) for _ in range(draw(st.integers(0, 1))))
    over, value = draw(st.just(Ref("call")) | odd_args()), draw(odd_args())
    node = draw(
        st.sampled_from([
            call(one),
            Compute(id=one, value=value),
            Observe(id=one, using=(value,)),
            Map(id=one, over=over, var=draw(name), body=body, value=value),
        ])
    )  # fmt: skip
    return Patch(add=(node,), answer=draw(st.none() | odd_args().map(lambda arg: Answer(text=arg))))


SCOPE = scope_of(
    Plan(inputs={name: {} for name in INPUTS}),
    {name: taking_anything(name) for name in (*TOOLS, "answer")},
)


@settings(max_examples=400)
@given(odd_patches())
def test_what_the_check_accepts_the_journal_gives_back(patch: Patch) -> None:
    checked = check_patch(SCOPE, patch)
    if checked.accepted:
        assert patch_from_json(json.loads(dumps(patch_to_json(patch)))) == patch
    else:
        assert checked.problems


def look(name: str, value: Any = None) -> Call:
    return Call(id=name, tool="search", args={"k": Const(value)})


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (look("observe"), f"outside_language: expected {NAME}; found 'observe'"),
        (look("x", [1.0, float("nan")]), f"wrong_type: expected {VALUE}; found [1.0, nan]"),
        (
            Compute(id="x", value=Const(float("inf"))),
            f"wrong_type: expected {VALUE}; found inf",
        ),
        (
            Map(id="x", over=Ref("call"), var="h", body=(), value=Ref("h")),
            "missing_argument: expected at least one call to map with; found none",
        ),
        (
            Map(id="x", over=Ref("call"), var="_h", body=(look("s"),), value=Ref("s")),
            f"outside_language: expected {NAME}; found '_h'",
        ),
    ],
)
def test_what_it_refuses_it_explains(node: Node, expected: str) -> None:
    (problem,) = check_patch(SCOPE, Patch(add=(node,))).problems
    assert str(problem).partition(" ")[2] == expected
    assert problem.node == node.id


def test_a_node_is_replaced_once() -> None:
    node = look("a")
    scope = scope_of(Plan(nodes={"a": node}), SCOPE.tools)
    checked = check_patch(scope, Patch(replace=(node, node)))
    assert [problem.code for problem in checked.problems] == ["bound_twice"]
