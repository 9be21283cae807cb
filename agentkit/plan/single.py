"""A plan of one call: how one tool is called alone, in a run like any other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentkit.plan.check import check
from agentkit.plan.graph import Answer, Call, Const, Plan, Ref
from agentkit.plan.problem import Problem
from agentkit.types import Json, Schema

if TYPE_CHECKING:
    from agentkit.tool import Tool


def takes_file(schema: Json) -> bool:
    """Whether a parameter's schema is that of an artifact's handle, or of one or nothing.

    >>> takes_file({"anyOf": [{"type": "null"}, {"type": "string"}]})
    False
    """
    if not isinstance(schema, dict):
        return False
    choices, properties = schema.get("anyOf"), schema.get("properties")
    if isinstance(choices, list):
        others = [choice for choice in choices if choice != {"type": "null"}]
        return len(others) == 1 and takes_file(others[0])
    return isinstance(properties, dict) and {"sha256", "media_type"} <= properties.keys()


def parameters_of(tool: Tool[..., Any]) -> dict[str, Json]:
    """The schemas of what a tool takes, by name."""
    properties = tool.input_schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def plan_of(tool: Tool[..., Any], args: Mapping[str, Json], files: Iterable[str]) -> Plan:
    """A plan of one call, whose files are inputs of the same names."""
    given = {name: Const(value) for name, value in args.items()}
    handed = {name: Ref(name) for name in files}
    name = "result" if "result" not in handed else "the_result"
    node = Call(id=name, tool=tool.name, args={**given, **handed})
    return Plan(nodes={name: node}, answer=Answer(text=Ref(name)))


def mistakes(plan: Plan, tool: Tool[..., Any], inputs: Mapping[str, Schema]) -> str:
    """What is wrong with the arguments, in words; empty where nothing is."""
    problems = check(replace(plan, inputs=inputs), {tool.name: tool})
    return "; ".join(_explained(problem) for problem in problems)


def _explained(problem: Problem) -> str:
    """The problem without its place: nobody wrote that plan."""
    hint = f", did you mean {problem.nearest!r}?" if problem.nearest else ""
    return f"expected {problem.expected}; got {problem.found}{hint}"
