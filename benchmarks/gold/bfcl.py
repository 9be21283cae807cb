"""Berkeley Function Calling Leaderboard: single and parallel calls with the values accepted.

For each argument the data set lists the values that count as right; "" among them means that the
argument may be left out. A case is taken with the first values that are valid under its own
documentation, which jsonschema decides; where none is, with the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator

from agentkit.plan.graph import Arg, Call, Const, Plan
from agentkit.tool import Tool

from .case import Case, described_tool, identifier, object_schema, rows
from .doctypes import fields_of

CATEGORIES = (
    "simple_python", "simple_java", "simple_javascript", "multiple", "parallel",
    "parallel_multiple", "live_simple", "live_multiple", "live_parallel", "live_parallel_multiple",
)  # fmt: skip
OMITTED = ""


def read(folder: Path) -> Iterator[Case]:
    """The gold plans of the categories with one turn."""
    for category in CATEGORIES:
        for row in rows(folder / f"{category}.jsonl.gz"):
            found = [tool_of(doc) for doc in row["function"]]
            tools = {tool.name: tool for tool in found}
            calls = [
                _call(f"call_{number}", name, accepted, tools)
                for number, gold in enumerate(row["ground_truth"])
                for name, accepted in gold.items()
            ]
            yield Case(f"bfcl/{row['id']}", tools, Plan(nodes={call.id: call for call in calls}))


def tool_of(doc: Any) -> Tool:
    """A tool as the data set describes it."""
    accepted = fields_of(doc["parameters"]["properties"], doc["parameters"].get("required"))
    schema = object_schema(accepted["properties"], accepted["required"])
    return described_tool(identifier(doc["name"]), schema)


def _call(id: str, name: str, accepted: Mapping[str, Any], tools: Mapping[str, Tool]) -> Call:
    tool = tools[identifier(name)]
    properties = cast("Mapping[str, Any]", tool.input_schema["properties"])
    required = cast("list[str]", tool.input_schema["required"])
    args: dict[str, Arg] = {}
    for parameter, choices in accepted.items():
        chosen = _chosen(choices, properties.get(parameter, {}), parameter not in required)
        if chosen is not None:
            args[parameter] = Const(chosen[0])
    return Call(id=id, tool=tool.name, args=args)


def _chosen(choices: list[Any], schema: Any, optional: bool) -> tuple[Any] | None:
    """One accepted value in a box, or None where the argument is best left out."""
    validator: Any = Draft202012Validator(schema)
    plain = [_plain(choice) for choice in choices if choice != OMITTED]
    valid = [value for value in plain if validator.is_valid(value)]
    if valid:
        return (valid[0],)
    if OMITTED in choices and (optional or not plain):
        return None if optional else (OMITTED,)
    return (plain[0],) if plain else None


def _plain(choice: Any) -> Any:
    """A choice without the lists of choices that stand inside of objects."""
    match choice:
        case dict():
            fields = cast("dict[str, Any]", choice).items()
            inner = {
                name: _plain(value[0] if isinstance(value, list) and value else value)
                for name, value in fields
            }
            return {name: value for name, value in inner.items() if value != OMITTED}
        case list():
            return [_plain(item) for item in cast("list[Any]", choice)]
        case _:
            return choice
