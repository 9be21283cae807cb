"""A JSON Schema of the JSON form of plans, for models whose output a schema can hold to."""

from __future__ import annotations

from collections.abc import Mapping

from agentkit.plan.names import RESERVED
from agentkit.tool import Tool
from agentkit.types import Json, Schema

_NAME: dict[str, Json] = {
    "type": "string",
    "pattern": "^[A-Za-z][A-Za-z0-9_]*$",
    "not": {"enum": [*sorted(RESERVED)]},
}
_EXPRESSION: dict[str, Json] = {
    "type": "object",
    "description": "A reference or expression over inputs and earlier nodes, as in talk.text",
    "properties": {"$": {"type": "string"}},
    "required": ["$"],
    "additionalProperties": False,
}
_ANY: dict[str, Json] = {"anyOf": [{"$ref": "#/$defs/expression"}, {"not": {"required": ["$"]}}]}
_WHEN: dict[str, Json] = {
    "type": "object",
    "description": "Run only where the guard of this id comes out as holds",
    "properties": {"guard": {"$ref": "#/$defs/name"}, "holds": {"type": "boolean"}},
    "required": ["guard", "holds"],
    "additionalProperties": False,
}


def plan_schema(tools: Mapping[str, Tool]) -> Schema:
    """The schema of plans over these tools: `nodes` and `answer`, as `plan_from_json` reads them.

    An argument is what the tool's own schema asks for, or a reference `{"$": …}` in its place.

    >>> sorted(plan_schema({})["properties"])
    ['answer', 'nodes']
    """
    definitions: dict[str, Json] = {
        "name": _NAME,
        "expression": _EXPRESSION,
        "argument": _ANY,
        "when": _WHEN,
    }
    for tool in tools.values():
        own = tool.input_schema.get("$defs")
        for key, schema in own.items() if isinstance(own, dict) else ():
            definitions[f"{tool.name}.{key}"] = _moved(schema, tool.name)
    calls = [_call(tool) for tool in tools.values()]
    mapped: Json = {"type": "array", "items": {"anyOf": [*calls]}, "minItems": 1}
    name: Json = {"$ref": "#/$defs/name"}
    argument: Json = {"$ref": "#/$defs/argument"}
    arguments: Json = {"type": "array", "items": argument}
    kinds: list[Json] = [
        *(_guarded(call) for call in calls),
        _guarded(_object({"id": name, "compute": argument})),
        _guarded(_object({"id": name, "guard": argument})),
        _guarded(_object({"id": name, "observe": arguments})),
    ]
    if calls:
        kinds.append(_guarded(_map(mapped)))
    answer = _object({"using": arguments, "text": argument}, required=())
    return _object({"nodes": {"type": "array", "items": {"anyOf": kinds}}, "answer": answer}) | {
        "$defs": definitions
    }


def _call(tool: Tool) -> dict[str, Json]:
    properties = tool.input_schema.get("properties")
    required = tool.input_schema.get("required")
    args: dict[str, Json] = {
        name: {"anyOf": [_moved(schema, tool.name), {"$ref": "#/$defs/expression"}]}
        for name, schema in (properties.items() if isinstance(properties, dict) else ())
    }
    given = _object(args, required=required if isinstance(required, list) else ())
    fields: dict[str, Json] = {
        "id": {"$ref": "#/$defs/name"},
        "tool": {"const": tool.name, "description": tool.description},
        "args": given,
    }
    return _object(fields)


def _map(body: Json) -> dict[str, Json]:
    argument: Json = {"$ref": "#/$defs/argument"}
    name: Json = {"$ref": "#/$defs/name"}
    fields: dict[str, Json] = {
        "id": name, "over": argument, "var": name, "where": argument, "body": body,
        "value": argument,
    }  # fmt: skip
    return _object(fields, required=("id", "over", "var", "body", "value"))


def _guarded(node: dict[str, Json]) -> dict[str, Json]:
    fields = node["properties"]
    with_when: Json = {
        **(fields if isinstance(fields, dict) else {}),
        "when": {"$ref": "#/$defs/when"},
    }
    return {**node, "properties": with_when}


def _object(
    fields: Mapping[str, Json], required: list[Json] | tuple[str, ...] | None = None
) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields if required is None else required),
        "additionalProperties": False,
    }


def _moved(schema: Json, tool: str) -> Json:
    """A tool's schema within the whole one: its `$defs` are named after it there."""
    if isinstance(schema, list):
        return [_moved(item, tool) for item in schema]
    if not isinstance(schema, dict):
        return schema
    moved: dict[str, Json] = {}
    for key, value in schema.items():
        if key == "$ref" and isinstance(value, str):
            moved[key] = value.replace("#/$defs/", f"#/$defs/{tool}.", 1)
        else:
            moved[key] = _moved(value, tool)
    return moved
