"""One call of one tool: a plan of a single node, run and journaled like any other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.cli.exits import Output
from agentkit.cli.follow import Followed, follow
from agentkit.cli.hints import Hints
from agentkit.errors import UsageError
from agentkit.types import Json

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.plan.graph import Plan
    from agentkit.plan.problem import Problem
    from agentkit.tool import Tool


def call(
    agent: Agent[Any], tool: Tool[..., Any], text: str, output: Output, debug: bool, store: str
) -> int:
    """Runs a plan of this one call and prints the value that came out, as JSON."""
    from agentkit.planners import Fixed

    args, files = split(tool, arguments_of(text))
    plan = plan_of(tool, args, files)
    asyncio.run(require_sound(plan, tool, files, store))
    once = replace(agent, planner=Fixed(plan), output=None, memory=(), origin="")
    return follow(
        lambda: once.stream(f"call {tool.name}", inputs=files),
        output=output,
        debug=debug,
        hints=Hints(store=store, resumable=False),
        conclude=print_value,
    )


def split(
    tool: Tool[..., Any], given: Mapping[str, Json]
) -> tuple[dict[str, Json], dict[str, Path]]:
    """The plain arguments, and those that the tool takes as a file and the caller gave as a path.

    Raises `UsageError` where there is no such file.
    """
    properties = tool.input_schema.get("properties")
    schemas = properties if isinstance(properties, dict) else {}
    paths = {
        name: Path(value).expanduser()
        for name, value in given.items()
        if isinstance(value, str) and takes_file(schemas.get(name))
    }
    for name, path in paths.items():
        if not path.is_file():
            raise UsageError(f"{name}: there is no file {path}; check the path")
    return {name: value for name, value in given.items() if name not in paths}, paths


def takes_file(schema: Json) -> bool:
    """Whether a parameter's schema is that of an artifact's handle, or of one or nothing."""
    if not isinstance(schema, dict):
        return False
    choices, properties = schema.get("anyOf"), schema.get("properties")
    if isinstance(choices, list):
        others = [choice for choice in choices if choice != {"type": "null"}]
        return len(others) == 1 and takes_file(others[0])
    return isinstance(properties, dict) and {"sha256", "media_type"} <= properties.keys()


def plan_of(tool: Tool[..., Any], args: Mapping[str, Json], files: Iterable[str]) -> Plan:
    """A plan of one call, whose files are inputs of the same names."""
    from agentkit.plan.graph import Answer, Call, Const, Plan, Ref

    given = {name: Const(value) for name, value in args.items()}
    handed = {name: Ref(name) for name in files}
    name = "result" if "result" not in handed else "the_result"
    node = Call(id=name, tool=tool.name, args={**given, **handed})
    return Plan(nodes={name: node}, answer=Answer(text=Ref(name)))


async def require_sound(
    plan: Plan, tool: Tool[..., Any], files: Mapping[str, Path], where: str
) -> None:
    """Raises `UsageError` for arguments that the tool does not take, before anything has run."""
    from agentkit.cli.stored import open_here
    from agentkit.inputs import read_inputs
    from agentkit.plan.check import check

    store = open_here(where) if files else None
    try:
        schemas = read_inputs(files, store.artifacts)[1] if store else {}
    finally:
        if store is not None:
            await store.close()
    problems = check(replace(plan, inputs=schemas), {tool.name: tool})
    if problems:
        said = "; ".join(explained(problem) for problem in problems)
        raise UsageError(f"{said}; `agentkit tools {tool.name}` shows what it takes")


def explained(problem: Problem) -> str:
    """The problem without its place: nobody wrote that plan."""
    hint = f", did you mean {problem.nearest!r}?" if problem.nearest else ""
    return f"expected {problem.expected}; got {problem.found}{hint}"


def print_value(seen: Followed, _: Hints) -> None:
    """The value of the one call, as JSON."""
    values = [event.data.get("value") for event in seen.events if event.type == "node.ended"]
    print(json.dumps(values[-1], indent=2))


def arguments_of(text: str) -> dict[str, Json]:
    """A JSON object. Raises `UsageError` that shows the form."""
    try:
        found: Json = json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise UsageError(
            f'expected JSON arguments like {{"query": "fees"}}; got {text!r} ({error})'
        ) from None
    if not isinstance(found, dict):
        raise UsageError(f"expected a JSON object of arguments; got {text!r}")
    return found


def _no_number(name: str) -> Json:
    raise ValueError(f"{name} is no JSON number")
