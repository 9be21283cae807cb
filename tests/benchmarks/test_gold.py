"""Cases of the data sets become the plans that were meant, and a second opinion judges them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import InvalidPlan
from agentkit.plan.check import check
from agentkit.plan.evaluate import evaluate
from agentkit.plan.graph import Arg, Call, Const, Expr, Plan, Ref
from benchmarks.gold import bfcl, bfcl_turns, nestful, seal_tools
from benchmarks.gold.case import Case, described_tool, object_schema
from benchmarks.gold.confirm import objections, samples

TEXT: dict[str, Any] = {"type": "string"}
LIST: dict[str, Any] = {"type": "array", "items": {"type": "string"}}


def write(folder: Path, name: str, records: list[Any]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{json.dumps(record)}\n" for record in records)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())


def args_of(case: Case, node: str) -> dict[str, Arg]:
    call = case.plan.nodes[node]
    assert isinstance(call, Call)
    return dict(call.args)


def test_nestful_marks_in_texts_and_lists_are_references(tmp_path: Path) -> None:
    items = {"hits": {"type": "array"}, "id": {"type": "string"}}
    doc = {"name": "find", "parameters": {"q": {"type": "string"}}, "output_parameters": items}
    given = [
        "$var1.hits[0].text$",
        "see $var1.id$!",
        ["$var1.id$"],
        "$5-$6",
        {"k": ["to $var1.id$"]},
    ]
    steps = [{"name": "find", "arguments": {"q": "tea"}, "label": "var1"}]
    steps += [
        {"name": "find", "arguments": {"q": value}, "label": f"var{number}"}
        for number, value in enumerate(given, start=2)
    ]
    for part in nestful.PARTS:
        write(tmp_path, f"{part}-spec.json", [[doc]])
        write(tmp_path, f"{part}-data.jsonl", [])
    write(tmp_path, "executable-data.jsonl", [{"id": "1", "output": steps}])
    (case,) = nestful.read(tmp_path)
    found = [args_of(case, f"var{number}")["q"] for number in range(2, 7)]

    assert found[0] == Ref("var1", ("hits", 0, "text"))
    assert isinstance(found[1], Expr) and found[1].source == "f'see {var1.id}!'"
    assert isinstance(found[2], Expr) and found[2].names == {"var1"}
    assert found[3] == Const("$5-$6")
    assert isinstance(found[4], Expr)
    assert evaluate(found[4], {"var1": {"id": "x"}}) == {"k": ["to x"]}


def test_seal_tools_labels_are_results_and_those_of_nothing_are_refused(tmp_path: Path) -> None:
    doc = {
        "api_name": "find",
        "parameters": {"q": {"type": "str"}},
        "required": ["q"],
        "responses": {"id": {"type": "str"}},
    }
    texts = ["tea", "API_call_0", "API_call_0 again", "API_call_9"]
    calling = [
        {"api": "find", "parameters": {"q": text}, "responses": [f"API_call_{number}"]}
        for number, text in enumerate(texts)
    ]
    write(tmp_path, "tool.jsonl.gz", [doc])
    write(tmp_path, "dev.jsonl.gz", [{"id": "1", "calling": calling}])
    (case,) = seal_tools.read(tmp_path)

    assert args_of(case, "call_1")["q"] == Ref("call_0", ("id",))
    filled = args_of(case, "call_2")["q"]
    assert isinstance(filled, Expr) and filled.source == "f'{call_0.id} again'"
    assert {(one.code, one.node) for one in check(case.plan, case.tools)} == {
        ("unknown_name", "call_3")
    }
    assert [one.node for one in objections(case)] == ["call_3"]


def row(parameters: dict[str, Any], gold: dict[str, Any]) -> dict[str, Any]:
    function = {"name": "f", "parameters": {"properties": parameters, "required": [*parameters]}}
    return {"id": "1", "function": [function], "ground_truth": [{"f": gold}]}


def bfcl_case(folder: Path, category: str, record: dict[str, Any]) -> Case:
    for name in bfcl.CATEGORIES:
        write(folder, f"{name}.jsonl.gz", [record] if name == category else [])
    (case,) = bfcl.read(folder)
    return case


@pytest.mark.parametrize(
    ("category", "value", "arg"),
    [
        ("simple_java", "myList", Ref("myList")),
        ("simple_javascript", "myList", Ref("myList")),
        ("simple_java", "my:list", Const("my:list")),
        ("simple_python", "myList", Const("myList")),
    ],
)
def test_bfcl_names_in_source_text_are_the_callers_variables(
    tmp_path: Path, category: str, value: str, arg: Arg
) -> None:
    case = bfcl_case(tmp_path, category, row({"x": {"type": "Array"}}, {"x": [value]}))

    assert args_of(case, "call_0")["x"] == arg
    assert bool(check(case.plan, case.tools)) is bool(objections(case)) is isinstance(arg, Const)


def test_bfcl_texts_stay_texts_and_inner_choices_are_made(tmp_path: Path) -> None:
    inner: dict[str, Any] = {"a": ["", "on"], "b": [""]}
    parameters = {"x": {"type": "String"}, "y": {"type": "dict"}}
    case = bfcl_case(tmp_path, "simple_java", row(parameters, {"x": ["word"], "y": [inner]}))

    assert args_of(case, "call_0") == {"x": Const("word"), "y": Const({"a": "on"})}


def test_bfcl_conversations_become_one_plan(tmp_path: Path) -> None:
    mean = {
        "name": "mean",
        "parameters": {"properties": {"numbers": {"type": "array", "items": {"type": "float"}}}},
        "response": {"type": "dict", "properties": {"result": {"type": "float"}}},
    }
    for file in bfcl_turns.FILES.values():
        write(tmp_path, f"multi_turn_func_doc/{file}.jsonl", [mean] if file == "math_api" else [])
    turns = [["mean(numbers=[1, 2])"], ["mean([3])", "mean(numbers='x')"]]
    record = {"id": "1", "involved_classes": ["MathAPI"], "ground_truth": turns}
    write(tmp_path, "multi_turn_base.jsonl.gz", [record])
    (case,) = bfcl_turns.read(tmp_path)

    assert [args_of(case, node)["numbers"] for node in case.plan.nodes] == [
        Const([1, 2]),
        Const([3]),
        Const("x"),
    ]
    (problem,) = check(case.plan, case.tools)
    assert [one.node for one in objections(case)] == [problem.node]
    assert samples(case.tools["mean"].output_schema) == [{"result": 0.5}]


def test_what_is_no_call_is_no_plan() -> None:
    with pytest.raises(InvalidPlan):
        bfcl_turns.plan_of(["import os"], {})


@pytest.mark.parametrize(
    ("args", "by"),
    [
        ({"q": Const("tea")}, None),
        ({"q": Ref("first", ("text",))}, None),
        ({"q": Ref("first", ("open", "field"))}, None),
        ({"q": Const(5)}, "jsonschema"),
        ({"q": Const("tea"), "r": Const(1)}, "jsonschema"),
        ({}, "jsonschema"),
        ({"q": Ref("first", ("sure",))}, "jsonschema"),
        ({"q": Ref("first", ("list",))}, "jsonschema"),
        ({"q": Ref("first", ("txt",))}, "look-up"),
        ({"q": Ref("frist", ("text",))}, "look-up"),
    ],
)
def test_the_second_opinion_says_what_the_check_says(args: dict[str, Arg], by: str | None) -> None:
    given = object_schema({"q": TEXT}, ["q"])
    fields = {"text": TEXT, "list": LIST, "sure": {"type": "boolean"}, "open": {}}
    tools = {"find": described_tool("find", given, object_schema(fields, [*fields]))}
    first = Call(id="first", tool="find", args={"q": Const("tea")})
    second = Call(id="second", tool="find", args=args)
    case = Case("1", tools, Plan(nodes={"first": first, "second": second}))

    assert {(one.by, one.node) for one in objections(case)} == ({(by, "second")} if by else set())
    assert bool(check(case.plan, case.tools)) is bool(by)
    unknown = Case("1", {}, case.plan)
    assert [one.by for one in objections(unknown)] == ["look-up", "look-up"]
