"""Tools that the client runs.

An agent plans with them as with its own. A call of one waits, as a call does that somebody must
approve: once nothing else can go on, the run pauses, and all that waits goes to the client. Its
next request brings the results. Each is recorded as what the call came to, and the run goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from agentkit.agent import Agent
from agentkit.decisions import Approver, Decision, Question
from agentkit.errors import ToolError
from agentkit.events import Event
from agentkit.messages import ToolCall
from agentkit.serve.refused import Refused
from agentkit.tool import Tool, from_schema
from agentkit.types import Json, Schema

_KEY = 16
"""So many digits of a call's key are in the id that the client sees."""

_NOT_OF_A_NAME = re.compile(r"\W", re.ASCII)
_NO_PARAMETERS: Schema = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTool:
    """A tool as the client describes it."""

    name: str
    description: str = ""
    parameters: Schema | None = None

    @property
    def planned(self) -> str:
        """What plans call it.

        >>> ClientTool(name="get-weather").planned
        'get_weather'
        """
        return _NOT_OF_A_NAME.sub("_", self.name).lstrip("_")


def tools_of(given: Sequence[ClientTool], own: Sequence[Tool[..., Any]]) -> list[Tool[..., Any]]:
    """The agent's own tools and the client's; of two of the client's with one name the later.

    Raises `Refused` where one has the name of an agent's own, or a schema is none.
    """
    named = {one.planned: one for one in given}
    if both := sorted({tool.name for tool in own} & named.keys()):
        raise Refused(409, f"the agent has a tool {both[0]!r} of its own", param="tools")
    return [*own, *(_tool(one) for one in named.values())]


def _tool(given: ClientTool) -> Tool[..., Any]:
    from jsonschema import Draft202012Validator, SchemaError

    schema = _NO_PARAMETERS if given.parameters is None else given.parameters
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise Refused(
            400, f"the parameters of {given.name!r}: {error.message}", param="tools"
        ) from None

    async def elsewhere(**arguments: Any) -> Json:
        raise ToolError(f"{given.name} is the client's to call")

    return from_schema(
        elsewhere,
        name=given.planned,
        description=given.description,
        input_schema=schema,
        effect="once",
        trusted=False,
        approve=True,
    )


def leaving(client: Sequence[ClientTool], approver: Approver | None) -> Approver | None:
    """The agent's approver, not asked about the client's calls."""
    if approver is None:
        return None
    names = {one.planned for one in client}

    async def ask(questions: Sequence[Question]) -> Sequence[Decision]:
        ours = [question for question in questions if question.tool not in names]
        return await approver(ours) if ours else ()

    return ask


def call_of(run: str, question: Question, names: Mapping[str, str]) -> ToolCall:
    """The call that the client is to make; `names` are its own, by those in plans."""
    name = names.get(question.tool, question.tool)
    return ToolCall(_id_of(run, question), name, json.dumps(question.args, ensure_ascii=False))


def run_of(call_id: str) -> str:
    """The run whose call this is; empty where the id is none of ours.

    >>> run_of("call_20261127-091502-3f9a1c_1e52ecba1e52ecba"), run_of("call_1")
    ('20261127-091502-3f9a1c', '')
    """
    return call_id.removeprefix("call_").rpartition("_")[0]


def answered_by(
    run: str, asked: Mapping[str, Question], results: Mapping[str, str]
) -> dict[str, Json]:
    """By node, what of the calls that wait the client has made; JSON where a result is JSON."""
    ids = {_id_of(run, question): node for node, question in asked.items()}
    return {ids[id]: _value(text) for id, text in results.items() if id in ids}


def lacking(created: Event, agent: Agent[Any] | None) -> list[str]:
    """The tools that the run was begun with and the agent does not bring: its client's."""
    listed = cast("list[str]", created.data.get("tools") or [])
    own: Sequence[Any] = () if agent is None else agent.tools
    return sorted({*listed} - {tool.name for tool in own})


def _id_of(run: str, question: Question) -> str:
    return f"call_{run}_{question.key[:_KEY]}"


def _value(text: str) -> Json:
    from pydantic_core import from_json

    try:
        value: Json = from_json(text, allow_inf_nan=False)
    except ValueError:
        return text
    return value
