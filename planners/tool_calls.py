"""Native tool calling as a planner: each reply's calls are one wave of parallel nodes."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from itertools import count
from typing import cast

from agentkit.messages import Message, Request, ToolCall, ToolSpec
from agentkit.models.complete import complete
from agentkit.plan.expression import arg_source, expression
from agentkit.plan.graph import Answer, Arg, Call, Const, Observe, Patch, Plan, Ref
from agentkit.plan.problem import Problem
from agentkit.planners.digest import digest
from agentkit.planners.prompt_files import prompt_file
from agentkit.planners.prompting import task_text
from agentkit.protocols import Brief
from agentkit.tool import Tool
from agentkit.types import Json


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """Asks the model for tool calls until it answers in text; that text is the answer.

    Calls of one reply run in parallel. An argument `"$name"` or `"$name.field"` stands for an
    input or an earlier result, so that artifacts and long texts need not pass through the model.
    """

    max_tokens: int = 2048

    async def propose(self, brief: Brief) -> AsyncGenerator[Patch | Problem, None]:
        """One patch with a wave of calls and an `observe` behind them, or with the answer.

        Raises `ModelError`.
        """
        if brief.plan.answer is not None:
            return
        reply = await complete(
            brief.model,
            Request(
                messages=(*_conversation(brief), *_refusals(brief)),
                purpose="plan",
                tools=tuple(_spec(tool) for tool in brief.tools.values()),
                max_tokens=self.max_tokens,
            ),
        )
        if not reply.calls:
            yield Patch(answer=Answer(text=Const(reply.text.strip())), source=reply.text)
            return
        made = list(_nodes(reply.calls, brief.plan))
        for problem in made:
            if isinstance(problem, Problem):
                yield problem
        calls = tuple(node for node in made if isinstance(node, Call))
        if calls:
            seen = Observe(
                id=_free("observe", brief.plan, ()), using=tuple(Ref(call.id) for call in calls)
            )
            yield Patch(add=(*calls, seen))


def _spec(tool: Tool) -> ToolSpec:
    return ToolSpec(tool.name, tool.description, tool.input_schema)


def _conversation(brief: Brief) -> Iterator[Message]:
    """The task, then each call of the plan with what came of it, as the provider expects it."""
    yield Message("system", prompt_file("tool_calls.md"))
    yield Message("user", task_text(brief))
    for node in brief.plan.nodes.values():
        outcome = brief.outcomes.get(node.id)
        if isinstance(node, Call) and outcome is not None:
            arguments = {name: _written(arg) for name, arg in node.args.items()}
            call = ToolCall(node.id, node.tool, json.dumps(arguments, ensure_ascii=False))
            yield Message("assistant", "", calls=(call,))
            yield Message("tool", digest(node.id, outcome), call_id=node.id)


def _refusals(brief: Brief) -> Iterator[Message]:
    if brief.problems:
        listed = "\n".join(f"- {problem}" for problem in brief.problems)
        yield Message("user", f"Your last calls were refused:\n{listed}\nCall again, mended.")


def _nodes(calls: tuple[ToolCall, ...], plan: Plan) -> Iterator[Call | Problem]:
    taken: list[str] = []
    for call in calls:
        try:
            given = json.loads(call.arguments or "{}")
        except ValueError as error:
            yield Problem(code="syntax", expected="JSON arguments", found=f"{call.name}: {error}")
            continue
        if not isinstance(given, dict):
            yield Problem(code="syntax", expected="a JSON object", found=call.arguments[:80])
            continue
        name = _free(call.name, plan, taken)
        taken.append(name)
        named = cast("dict[str, Json]", given)
        yield Call(id=name, tool=call.name, args={key: _arg(value) for key, value in named.items()})


def _free(stem: str, plan: Plan, taken: list[str] | tuple[str, ...]) -> str:
    used = {*plan.nodes, *plan.inputs, *taken}
    return next(name for name in (f"{stem}_{n}" for n in count(1)) if name not in used)


def _arg(value: Json) -> Arg:
    """A JSON argument; the strings in it that begin with `$` are references."""
    source = _source(value)
    return Const(value) if source is None else expression(source)


def _source(value: Json) -> str | None:
    """The expression for a value that holds references; None where it holds none."""
    match value:
        case str() if value.startswith("$") and _is_reference(value[1:]):
            return value[1:]
        case list() if any(_source(item) for item in value):
            return f"[{', '.join(_source(item) or repr(item) for item in value)}]"
        case dict() if any(_source(item) for item in value.values()):
            items = (f"{key!r}: {_source(item) or repr(item)}" for key, item in value.items())
            return f"{{{', '.join(items)}}}"
        case _:
            return None


def _is_reference(text: str) -> bool:
    return all(part.isidentifier() and part[0] != "_" for part in text.split("."))


def _written(arg: Arg) -> Json:
    """An argument as the model may have written it."""
    return arg.value if isinstance(arg, Const) else f"${arg_source(arg)}"
