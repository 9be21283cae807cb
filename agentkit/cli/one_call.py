"""One call of one tool: a plan of a single node, run and journaled like any other."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.cli.exits import Output
from agentkit.cli.follow import Followed, follow
from agentkit.cli.hints import Hints
from agentkit.cli.told import tell
from agentkit.cli.tracing import with_traces
from agentkit.errors import UsageError
from agentkit.given import read_json
from agentkit.types import Json

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.plan.graph import Plan
    from agentkit.tool import Tool


def call(
    agent: Agent[Any], tool: Tool[..., Any], text: str, output: Output, debug: bool, store: str
) -> int:
    """Runs a plan of this one call and prints the value that came out, as JSON."""
    from agentkit.plan.single import plan_of
    from agentkit.planners import Fixed
    from agentkit.run import of_one_call

    args, files = split(tool, arguments_of(text))
    plan = plan_of(tool, args, files)
    asyncio.run(require_sound(plan, tool, files, store))
    traced = with_traces(agent, os.environ)
    once = replace(traced, planner=Fixed(plan), output=None, memory=(), origin="")
    return follow(
        lambda: of_one_call(once.stream(f"call {tool.name}", inputs=files)),
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
    from agentkit.plan.single import parameters_of, takes_file

    schemas = parameters_of(tool)
    paths = {
        name: Path(value).expanduser()
        for name, value in given.items()
        if isinstance(value, str) and takes_file(schemas.get(name))
    }
    for name, path in paths.items():
        if not path.is_file():
            raise UsageError(f"{name}: there is no file {path}; check the path")
    return {name: value for name, value in given.items() if name not in paths}, paths


async def require_sound(
    plan: Plan, tool: Tool[..., Any], files: Mapping[str, Path], where: str
) -> None:
    """Raises `UsageError` for arguments that the tool does not take, before anything has run."""
    from agentkit.cli.stored import open_here
    from agentkit.inputs import read_inputs
    from agentkit.plan.single import mistakes

    store = open_here(where) if files else None
    try:
        schemas = read_inputs(files, store.artifacts)[1] if store else {}
    finally:
        if store is not None:
            await store.close()
    said = mistakes(plan, tool, schemas)
    if said:
        raise UsageError(f"{said}; `agentkit tools {tool.name}` shows what it takes")


def print_value(seen: Followed, hints: Hints) -> None:
    """The value of the one call, as JSON."""
    values = [event.data.get("value") for event in seen.events if event.type == "node.ended"]
    tell(json.dumps(values[-1], indent=2), hints.whole(seen.run))


def arguments_of(text: str) -> dict[str, Json]:
    """A JSON object. Raises `UsageError` that shows the form."""
    try:
        found = read_json(text)
    except ValueError as error:
        raise UsageError(
            f'expected JSON arguments like {{"query": "fees"}} ({error}); got {text!r}'
        ) from None
    if not isinstance(found, dict):
        raise UsageError(f"expected a JSON object of arguments; got {text!r}")
    return found
