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

from agentkit.plan.graph import Arg, Call, Const, Plan, Ref, needs
from agentkit.tool import Tool
from agentkit.types import Schema

from .case import Case, described_tool, identifier, object_schema, rows
from .doctypes import fields_of, schema_of

CATEGORIES = (
    "simple_python", "simple_java", "simple_javascript", "multiple", "parallel",
    "parallel_multiple", "live_simple", "live_multiple", "live_parallel", "live_parallel_multiple",
)  # fmt: skip
IN_SOURCE = ("simple_java", "simple_javascript")
"""Values are source text here: where no text is wanted, a name is a variable of the caller."""
OMITTED = ""


def read(folder: Path) -> Iterator[Case]:
    """The gold plans of the categories with one turn."""
    for category in CATEGORIES:
        for row in rows(folder / f"{category}.jsonl.gz"):
            yield _case(row, in_source=category in IN_SOURCE)


def _case(row: Any, *, in_source: bool) -> Case:
    tools = {tool.name: tool for tool in map(tool_of, row["function"])}
    calls = [
        _call(f"call_{number}", tools[identifier(name)], accepted, in_source)
        for number, gold in enumerate(row["ground_truth"])
        for name, accepted in gold.items()
    ]
    inputs: dict[str, Schema] = {name: {} for call in calls for name in needs(call)}
    plan = Plan(inputs=inputs, nodes={call.id: call for call in calls})
    return Case(f"bfcl/{row['id']}", tools, plan)


def tool_of(doc: Any) -> Tool:
    """A tool as the data set describes it, with its result where that is described."""
    accepted = fields_of(doc["parameters"]["properties"], doc["parameters"].get("required"))
    schema = object_schema(accepted["properties"], accepted["required"])
    returned = schema_of(doc["response"]) if "response" in doc else None
    return described_tool(identifier(doc["name"]), schema, returned)


def _call(id: str, tool: Tool, accepted: Mapping[str, Any], in_source: bool) -> Call:
    properties = cast("Mapping[str, Any]", tool.input_schema["properties"])
    required = cast("list[str]", tool.input_schema["required"])
    args: dict[str, Arg] = {}
    for parameter, choices in accepted.items():
        schema = properties.get(parameter, {})
        chosen = _chosen(choices, schema, parameter not in required)
        if chosen is not None:
            is_variable = in_source and _is_variable(chosen[0], schema)
            args[parameter] = Ref(chosen[0]) if is_variable else Const(chosen[0])
    return Call(id=id, tool=tool.name, args=args)


def _is_variable(value: Any, schema: Any) -> bool:
    """Whether the text must be a name, because its documentation does not want a text."""
    validator: Any = Draft202012Validator(schema)
    return isinstance(value, str) and value.isidentifier() and not validator.is_valid(value)


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
            inner = {name: _plain(_first(value)) for name, value in fields}
            return {name: value for name, value in inner.items() if value != OMITTED}
        case list():
            return [_plain(item) for item in cast("list[Any]", choice)]
        case _:
            return choice


def _first(choices: Any) -> Any:
    """The first value among the choices for a field, left out only where nothing else is right."""
    if not isinstance(choices, list) or not choices:
        return cast("Any", choices)
    return next((value for value in cast("list[Any]", choices) if value != OMITTED), OMITTED)
