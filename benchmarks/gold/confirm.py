"""A second opinion on a plan of a data set, from jsonschema and plain look-ups.

No code of the plan check takes part; the tools and plans are those that the readers made. What a
call is given is put before the documentation of its parameters as values: a literal as it stands, a
reference as sample values of what the producer documents. What the documentation leaves open has no
samples, and nothing is held against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from jsonschema import Draft202012Validator

from agentkit.errors import EvaluationError
from agentkit.plan.evaluate import evaluate
from agentkit.plan.graph import Answer, Arg, Call, Const, Expr, Ref, names_in
from agentkit.types import Schema

from .case import Case

By: TypeAlias = Literal["jsonschema", "look-up"]
SAMPLES: dict[str, list[Any]] = {
    "string": ["some text"],
    "integer": [7],
    "number": [0.5],
    "boolean": [True, False],
    "null": [None],
    "array": [[]],
    "object": [{}],
}


class Objection(NamedTuple):
    """What is wrong with one node, and who says so; the answer is the node ''."""

    by: By
    node: str
    text: str


def objections(case: Case) -> list[Objection]:
    """Everything that is held against a plan of calls; empty if nothing is."""
    found: list[Objection] = []
    for node in case.plan.nodes.values():
        if isinstance(node, Call):
            found += _against_call(node, case)
    for arg in (case.plan.answer or Answer()).using:
        found += [Objection("look-up", "", text) for text in _absent(arg, case)]
    return found


def _against_call(call: Call, case: Case) -> Iterator[Objection]:
    if call.tool not in case.tools:
        yield Objection("look-up", call.id, f"no tool {call.tool!r} is described")
        return
    accepted = cast("Mapping[str, Any]", case.tools[call.tool].input_schema)
    names = {**accepted, "properties": dict.fromkeys(accepted["properties"], True)}
    for text in _errors(names, dict.fromkeys(call.args)):
        yield Objection("jsonschema", call.id, text)
    for name, arg in call.args.items():
        absent = list(_absent(arg, case))
        for text in absent:
            yield Objection("look-up", call.id, f"{name}: {text}")
        for value in [] if absent else _values(arg, case):
            for text in _errors(accepted["properties"].get(name, True), value):
                yield Objection("jsonschema", call.id, f"{name}: {text}")


def _errors(schema: Any, value: Any) -> list[str]:
    validator: Any = Draft202012Validator(schema)
    return [error.message for error in validator.iter_errors(value)]


def _absent(arg: Arg, case: Case) -> Iterator[str]:
    """Names and fields that the argument refers to and nothing documents."""
    for name in names_in(arg):
        if name not in case.plan.nodes and name not in case.plan.inputs:
            yield f"nothing is called {name!r}"
    if isinstance(arg, Ref) and _part(_result(arg.name, case), arg.path) is None:
        yield f"{arg.name} gives no {'.'.join(map(str, arg.path))}"
    if isinstance(arg, Expr):
        try:
            evaluate(arg, _scope(arg, case))
        except EvaluationError as error:
            yield str(error)


def _values(arg: Arg, case: Case) -> list[Any]:
    match arg:
        case Const():
            return [arg.value]
        case Ref():
            return samples(_part(_result(arg.name, case), arg.path) or {})
        case Expr():
            return [evaluate(arg, _scope(arg, case))]


def _scope(arg: Expr, case: Case) -> dict[str, Any]:
    found = {name: samples(_result(name, case)) for name in arg.names}
    return {name: values[0] for name, values in found.items() if values}


def _result(name: str, case: Case) -> Schema:
    """What a node documents that it gives; an empty schema where it says nothing."""
    node = case.plan.nodes.get(name)
    tool = case.tools.get(node.tool) if isinstance(node, Call) else None
    return tool.output_schema if tool else {}


def _part(schema: Any, path: tuple[str | int, ...]) -> Any:
    """The schema of what a path leads to; None where it leads nowhere."""
    for step in path:
        if isinstance(step, int):
            if schema.get("type", "array") != "array":
                return None
            schema = schema.get("items", {})
        elif "properties" in schema:
            if step not in schema["properties"]:
                return None
            schema = schema["properties"][step]
        elif schema.get("type", "object") != "object":
            return None
        else:
            schema = {}
    return schema


def samples(schema: Any) -> list[Any]:
    """Values that a schema allows: every listed one, else one of each kind; [] if it says nothing.

    >>> samples({"type": "object", "properties": {"n": {"type": "integer"}, "any": {}}})
    [{'n': 7}]
    """
    if "enum" in schema:
        return list(schema["enum"])
    if "properties" in schema:
        fields = {name: samples(part) for name, part in schema["properties"].items()}
        return [{name: values[0] for name, values in fields.items() if values}]
    if schema.get("items"):
        return [[value] for value in samples(schema["items"])] or [[]]
    return SAMPLES.get(schema.get("type", ""), [])
