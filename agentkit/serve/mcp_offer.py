"""What an MCP server offers: how a tool is described to clients, and how a call of it is a run."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from agentkit.errors import UsageError
from agentkit.events import Event
from agentkit.inputs import read_inputs
from agentkit.media import Artifact
from agentkit.plan.single import mistakes, parameters_of, plan_of, takes_file
from agentkit.planners import Fixed
from agentkit.run import of_one_call
from agentkit.serve.mcp_content import Found, handle
from agentkit.tool import Tool
from agentkit.types import Json, Schema

if TYPE_CHECKING:
    from mcp_types import Tool as Definition

    from agentkit.agent import Agent
    from agentkit.protocols import ArtifactStore

MOST_TOLD = 200


@dataclass(frozen=True, slots=True)
class Job:
    """The run that a call is."""

    agent: Agent[Any]
    task: str
    inputs: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Something to call.

    `job` raises `UsageError` where the arguments cannot be right; `tell` tells the client how far
    the run is that has these events, the last of them new; `found` is what it came to; `heard` is
    how its events are heard.
    """

    definition: Definition
    job: Callable[[Mapping[str, Any], ArtifactStore], Job]
    tell: Callable[[Any, Sequence[Event]], Awaitable[None]]
    found: Callable[[Sequence[Event]], Found]
    heard: Callable[[AsyncGenerator[Event, None]], AsyncGenerator[Event, None]]


def offers(
    agent: Agent[Any], tools: Mapping[str, Tool], *, each: bool, paths: bool
) -> dict[str, Offer]:
    """The agent, or each of its tools, by name."""
    if not each:
        return {agent.name: _agent_offer(agent)}
    return {name: _tool_offer(agent, tool, paths=paths) for name, tool in tools.items()}


def _agent_offer(agent: Agent[Any]) -> Offer:
    as_tool = agent.as_tool()

    def job(arguments: Mapping[str, Any], artifacts: ArtifactStore) -> Job:
        task, inputs = arguments.get("task"), arguments.get("inputs", {})
        known = arguments.keys() <= {"task", "inputs"}
        if not (known and isinstance(task, str) and task.strip() and isinstance(inputs, dict)):
            raise UsageError(
                "expected a task in words, and inputs, if any, as an object; "
                f"came {', '.join(sorted(arguments)) or 'nothing'}"
            )
        return Job(agent, task, cast("dict[str, object]", inputs))

    properties: dict[str, Json] = {
        "task": {"type": "string", "description": "What to do, in words."},
        "inputs": {"type": "object", "description": "Values that the task speaks of, by name."},
    }
    takes: Schema = {
        "type": "object",
        "properties": properties,
        "required": ["task"],
        "additionalProperties": False,
    }
    output = _object({"answer": as_tool.output_schema, "run": {"type": "string"}})
    return Offer(
        definition=_definition(as_tool, takes, output),
        job=job,
        tell=_tell_nodes,
        found=_answer,
        heard=lambda events: events,
    )


def _tool_offer(agent: Agent[Any], tool: Tool, *, paths: bool) -> Offer:
    schemas = parameters_of(tool)
    files = {name for name, schema in schemas.items() if takes_file(schema)}
    alone = replace(agent, tools=[tool], output=None, memory=(), origin="")
    wrapped = tool.output_schema.get("type") != "object"

    def job(arguments: Mapping[str, Any], artifacts: ArtifactStore) -> Job:
        inputs = {
            name: _file(value, name, artifacts, paths=paths)
            for name, value in arguments.items()
            if name in files and value is not None
        }
        plain = {name: value for name, value in arguments.items() if name not in inputs}
        plan = plan_of(tool, plain, inputs)
        wrong = mistakes(plan, tool, read_inputs(inputs, artifacts)[1])
        if wrong:
            raise UsageError(wrong)
        return Job(replace(alone, planner=Fixed(plan)), f"call {tool.name}", inputs)

    def found(events: Sequence[Event]) -> Found:
        end = next(event.data for event in reversed(events) if event.type == "node.ended")
        value = end.get("value")
        return Found(value, {"result": value} if wrapped else value, ())

    taken = {
        **tool.input_schema,
        "properties": {
            name: _or_text(schema, paths=paths) if name in files else schema
            for name, schema in schemas.items()
        },
    }
    output = _object({"result": tool.output_schema}) if wrapped else tool.output_schema
    return Offer(
        definition=_definition(tool, taken, output),
        job=job,
        tell=_tell_call,
        found=found,
        heard=of_one_call,
    )


def _definition(tool: Tool, takes: Schema, gives: Schema) -> Definition:
    from mcp_types import Tool as Definition
    from mcp_types import ToolAnnotations

    reads = tool.effect in ("pure", "read")
    return Definition(
        name=tool.name,
        description=tool.description,
        input_schema=dict(takes),
        output_schema=dict(gives),
        annotations=ToolAnnotations(
            read_only_hint=reads,
            destructive_hint=not reads,
            idempotent_hint=tool.effect != "once",
            open_world_hint=not tool.trusted,
        ),
    )


def _object(fields: Mapping[str, Schema]) -> Schema:
    """An object of these fields, all of them there; what their schemas share goes to its top."""
    shared: dict[str, Json] = {}
    properties: dict[str, Json] = {}
    for name, schema in fields.items():
        shared.update(cast("dict[str, Json]", schema.get("$defs", {})))
        properties[name] = {key: value for key, value in schema.items() if key != "$defs"}
    found: dict[str, Json] = {"type": "object", "properties": properties, "required": [*fields]}
    return {**found, "$defs": shared} if shared else found


def _or_text(schema: Json, *, paths: bool) -> Json:
    way = "A data: URL, or the path of a file" if paths else "A data: URL"
    return {"anyOf": [schema, {"type": "string", "description": f"{way}."}]}


def _file(value: Any, name: str, artifacts: ArtifactStore, *, paths: bool) -> Artifact | Path:
    """A file that a client has given: a handle that it got before, a data: URL, or a path."""
    if isinstance(value, dict) and (found := handle(cast("Json", value))) is not None:
        return found
    if isinstance(value, str) and value.startswith("data:"):
        head, _, data = value.removeprefix("data:").partition(",")
        try:
            body = base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise UsageError(f"{name}: expected a data: URL in base64: {error}") from None
        return artifacts.put(body, media_type=head.partition(";")[0], name=name)
    if isinstance(value, str) and paths:
        return Path(value).expanduser()
    way = "a data: URL or a path" if paths else "a data: URL"
    raise UsageError(f"{name}: expected a file as {way}, or a handle; came {value!r:.60}")


def _answer(events: Sequence[Event]) -> Found:
    end = events[-1]
    cites = cast("list[str]", end.data.get("cites") or [])
    values = {event.node: event.data.get("value") for event in events if event.type == "node.ended"}
    value = {"answer": end.data.get("output", end.data.get("answer")), "run": end.run}
    return Found(end.data.get("answer"), value, tuple(values.get(node) for node in cites))


async def _tell_nodes(ctx: Any, events: Sequence[Event]) -> None:
    """Progress of an agent: how many of its nodes have ended."""
    if events[-1].type == "node.ended":
        ended = sum(event.type == "node.ended" for event in events)
        said = f"{events[-1].node}: {events[-1].data['status']}"
        await ctx.session.report_progress(ended, message=said[:MOST_TOLD])


async def _tell_call(ctx: Any, events: Sequence[Event]) -> None:
    """Progress of a tool: its own. The protocol wants it to grow."""
    told = [event.data for event in events if event.type == "node.progress"]
    if events[-1].type != "node.progress":
        return
    done = [cast("float", data["done"]) for data in told]
    if done[-1] > max(done[:-1], default=-1.0):
        await ctx.session.report_progress(done[-1], told[-1].get("total"))
