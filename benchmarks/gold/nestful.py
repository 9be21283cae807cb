"""NESTFUL: nested calls; `$var1.hits[0].id$` is part of an earlier call's result."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentkit.plan.graph import Answer, Arg, Call, Plan, Ref
from agentkit.tool import Tool

from .case import Case, described_tool, identifier, object_schema, rows
from .doctypes import fields_of
from .references import argument

PARTS = ("executable", "non-executable-glaive", "non-executable-sgd")
PLACES = ("query_parameters", "path_parameters", "parameters", "arguments")
REFERENCE = re.compile(r"\$(var\d+)((?:\.\w+|\[\d+\])*)\$")
STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def read(folder: Path) -> Iterator[Case]:
    """The gold plans of the three parts."""
    for part in PARTS:
        docs: Any = json.loads((folder / f"{part}-spec.json").read_text(encoding="utf-8"))
        tools = {tool.name: tool for tool in map(_tool, docs)}
        for row in rows(folder / f"{part}-data.jsonl"):
            yield Case(f"nestful/{row['id']}", tools, _plan(row["output"]))


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
    return argument(value, REFERENCE, _meant)


def _meant(found: re.Match[str]) -> Ref:
    steps = STEP.findall(found[2])
    return Ref(found[1], tuple(field or int(index) for field, index in steps))
