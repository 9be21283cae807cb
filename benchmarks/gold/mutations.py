"""One mistake at a time put into a right plan: what a careless planner would write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from jsonschema import Draft202012Validator

from agentkit.plan.graph import Arg, Call, Const, Plan
from agentkit.tool import Tool

WRONG_VALUES: tuple[Any, ...] = ("not this", 12.5, True, ["not", "this"], {"not": "this"}, None)

EXPECTED = {
    "renamed tool": "unknown_tool",
    "dropped required": "missing_argument",
    "extra argument": "unknown_argument",
    "misnamed argument": "unknown_argument",
    "wrong literal type": "wrong_type",
    "bad enum": "wrong_type",
}
"""The code of the problem that each mistake must be told by."""


@dataclass(frozen=True)
class Mutation:
    """A plan with one mistake in one node."""

    kind: str
    node: str
    plan: Plan


def mutations(plan: Plan, tools: Mapping[str, Tool]) -> Iterator[Mutation]:
    """Every mistake of every kind that can be made once in this plan."""
    for node in plan.nodes.values():
        if isinstance(node, Call):
            for kind, changed in _changed(node, tools[node.tool]):
                nodes = {**plan.nodes, node.id: changed}
                yield Mutation(kind, node.id, replace(plan, nodes=nodes))


def _changed(call: Call, tool: Tool) -> Iterator[tuple[str, Call]]:
    properties = cast("Mapping[str, Any]", tool.input_schema["properties"])
    required = cast("list[str]", tool.input_schema["required"])
    yield "renamed tool", replace(call, tool=_renamed(call.tool))
    yield "extra argument", _with(call, {**call.args, "verbosity_mode": Const("high")})
    for name in call.args:
        if name in required:
            rest = {key: arg for key, arg in call.args.items() if key != name}
            yield "dropped required", _with(call, rest)
        if name in properties:
            misnamed = {_renamed(key) if key == name else key: a for key, a in call.args.items()}
            yield "misnamed argument", _with(call, misnamed)
            yield from _mistyped(call, name, properties[name])


def _mistyped(call: Call, name: str, schema: Any) -> Iterator[tuple[str, Call]]:
    """A literal of every JSON kind that the parameter does not have, and one not in its list."""
    if "type" in schema:
        validator: Any = Draft202012Validator({"type": schema["type"]})
        for value in WRONG_VALUES:
            if not validator.is_valid(value):
                yield "wrong literal type", _with(call, {**call.args, name: Const(value)})
    if "enum" in schema and schema.get("type", "string") == "string":
        yield "bad enum", _with(call, {**call.args, name: Const("none of the above")})


def _with(call: Call, args: Mapping[str, Arg]) -> Call:
    return replace(call, args=args)


def _renamed(name: str) -> str:
    """The same name with two letters swapped, or one more."""
    swapped = name[:-2] + name[-1] + name[-2] if len(name) > 2 else name
    return swapped if swapped != name else f"{name}x"
