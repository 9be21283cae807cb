"""Seal-Tools: calls with arguments; `API_call_3` is the fourth value that the calls gave back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentkit.plan.graph import Arg, Call, Plan, Ref
from agentkit.tool import Tool

from .case import Case, described_tool, identifier, object_schema, rows
from .doctypes import fields_of
from .references import argument

LABEL = re.compile(r"\bAPI_call_\d+\b")


def read(folder: Path) -> Iterator[Case]:
    """The gold plans of the development set."""
    docs = {doc["api_name"]: doc for doc in rows(folder / "tool.jsonl.gz")}
    for row in rows(folder / "dev.jsonl.gz"):
        tools: dict[str, Tool] = {}
        calls: dict[str, Call] = {}
        given: dict[str, Ref] = {}
        for number, step in enumerate(row["calling"]):
            tool = _tool(docs[step["api"]])
            tools[tool.name] = tool
            args = {name: _arg(value, given) for name, value in step["parameters"].items()}
            id = f"call_{number}"
            calls[id] = Call(id=id, tool=tool.name, args=args)
            fields = docs[step["api"]]["responses"]
            for label, field in zip(step["responses"], fields, strict=True):
                given[label] = Ref(id, (field,))
        yield Case(f"seal_tools/{row['id']}", tools, Plan(nodes=dict(calls)))


def _tool(doc: Any) -> Tool:
    accepted = fields_of(doc["parameters"], doc["required"])
    returned = object_schema(fields_of(doc["responses"])["properties"], list(doc["responses"]))
    accepted = object_schema(accepted["properties"], accepted["required"])
    return described_tool(identifier(doc["api_name"]), accepted, returned)


def _arg(value: Any, given: dict[str, Ref]) -> Arg:
    return argument(value, LABEL, lambda found: given.get(found[0], Ref(found[0])))
