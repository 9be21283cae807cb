"""NESTFUL: nested calls; `$var1.field$` is a field of an earlier call's result."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator

from agentkit.plan.expression import expression
from agentkit.plan.graph import Answer, Arg, Call, Const, Plan, Ref
from agentkit.tool import Tool

from .case import Case, described_tool, identifier, object_schema, rows
from .doctypes import fields_of

PARTS = ("executable", "non-executable-glaive", "non-executable-sgd")
PLACES = ("query_parameters", "path_parameters", "parameters", "arguments")
REFERENCE = re.compile(r"\$(\w+)((?:\.\w+)*)\$")


def read(folder: Path) -> Iterator[Case]:
    """The gold plans of the three parts."""
    for part in PARTS:
        docs: Any = json.loads((folder / f"{part}-spec.json").read_text(encoding="utf-8"))
        known: dict[str, list[Tool]] = {}
        for tool in map(_tool, docs):
            known.setdefault(tool.name, []).append(tool)
        for row in rows(folder / f"{part}-data.jsonl"):
            plan = _plan(row["output"])
            yield Case(f"nestful/{row['id']}", _described(known, plan), plan)


def _described(known: Mapping[str, list[Tool]], plan: Plan) -> dict[str, Tool]:
    """One description for each tool: of those that are described twice, the one that was meant."""
    tools = {name: found[0] for name, found in known.items()}
    for node in plan.nodes.values():
        if isinstance(node, Call):
            fitting = (tool for tool in known.get(node.tool, ()) if _takes(tool, node))
            tools |= {tool.name: tool for tool in list(fitting)[:1]}
    return tools


def _takes(tool: Tool, call: Call) -> bool:
    literals = {name: arg.value for name, arg in call.args.items() if isinstance(arg, Const)}
    validator: Any = Draft202012Validator({**tool.input_schema, "required": []})
    required: Any = tool.input_schema["required"]
    return validator.is_valid(literals) and call.args.keys() >= set(required)


def _tool(doc: Any) -> Tool:
    parameters: dict[str, Any] = {}
    for place in PLACES:
        parameters |= doc.get(place) or {}
    accepted = fields_of(parameters)
    returned = fields_of(doc["output_parameters"])["properties"]
    return described_tool(
        identifier(doc["name"]),
        object_schema(accepted["properties"], accepted["required"]),
        object_schema(returned, list(returned)),
    )


def _plan(steps: list[Mapping[str, Any]]) -> Plan:
    calls: dict[str, Call] = {}
    answer: Answer | None = None
    for step in steps:
        args = {name: _arg(value) for name, value in step["arguments"].items()}
        if step["name"] == "var_result":
            answer = Answer(using=tuple(args.values()))
        else:
            id = step["label"]
            calls[id] = Call(id=id, tool=identifier(step["name"]), args=args)
    return Plan(nodes=dict(calls), answer=answer)


def _arg(value: Any) -> Arg:
    if isinstance(value, list):
        return _list(cast("list[Any]", value))
    found = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return Const(value)
    return Ref(found[1], tuple(found[2].split(".")[1:]))


def _list(items: list[Any]) -> Arg:
    if not REFERENCE.search(json.dumps(items)):
        return Const(items)
    found = [(item, REFERENCE.fullmatch(item) if isinstance(item, str) else None) for item in items]
    texts = [match[1] + match[2] if match else repr(item) for item, match in found]
    return expression(f"[{', '.join(texts)}]")
