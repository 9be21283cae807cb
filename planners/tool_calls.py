"""Native tool calling as a planner: each reply's calls are one wave of parallel nodes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import cast

from agentkit.errors import InvalidPlan
from agentkit.messages import Message, Request, ToolCall, ToolSpec
from agentkit.models.complete import complete
from agentkit.nearest import nearest
from agentkit.plan.expression import arg_source, expression
from agentkit.plan.graph import Answer, Arg, Call, Const, Expr, Observe, Patch, Plan, Position, Ref
from agentkit.plan.jsonform import patch_from_json, patch_to_json
from agentkit.plan.names import is_field, is_name
from agentkit.plan.problem import Problem
from agentkit.plan.source import patch_source
from agentkit.planners.digest import digest
from agentkit.planners.prompt_files import prompt_file
from agentkit.planners.prompting import task_text
from agentkit.protocols import Brief
from agentkit.tool import Tool
from agentkit.types import Json

_REFERENCE = re.compile(r"\$(?P<name>\w+)(?P<path>(?:\.\w+|\[-?\d{1,9}\])*)")
_MOST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """Asks the model for tool calls until it answers in text; that text is the answer.

    Calls of one reply run in parallel. An argument `"$name"`, `"$name.field"` or `"$name[0]"`
    stands for an input or an earlier result, so that artifacts and long texts need not pass
    through the model. A reply with a wrong call is refused whole: the model need not know which
    of its calls were made.
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
            yield _answer(reply.text)
            return
        made = [*_nodes(reply.calls, brief.plan, brief.tools)]
        problems = [one for one in made if isinstance(one, Problem)]
        for problem in problems:
            yield problem
        if not problems:
            yield _wave(tuple(one for one in made if isinstance(one, Call)), brief.plan)


def _answer(text: str) -> Patch | Problem:
    if not text.strip():
        expected = "calls of tools, or the answer in text"
        return Problem(code="syntax", expected=expected, found="nothing")
    return Patch(answer=Answer(text=Const(text.strip())), source=text)


def _wave(calls: tuple[Call, ...], plan: Plan) -> Patch:
    """The calls, and an `observe` behind them. Its text shows a model what of it was refused."""
    using = tuple(Ref(call.id) for call in calls)
    patch = Patch(add=(*calls, Observe(id=_free("observe", plan, ()), using=using)))
    return Patch(add=patch.add, source=patch_source(patch, plan))


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
        shown = f"\n\n```python\n{brief.refused.rstrip()}\n```" if brief.refused else ""
        told = f"Your last reply was refused, and none of its calls was made:{shown}\n\n{listed}"
        yield Message("user", f"{told}\n\nReply again, mended.")


def _nodes(
    calls: tuple[ToolCall, ...], plan: Plan, tools: Mapping[str, Tool]
) -> Iterator[Call | Problem]:
    """The node of each call, or what is wrong with it; the line is the call's number."""
    taken: list[str] = []
    for number, call in enumerate(calls, start=1):
        at = Position(number)
        if call.name not in tools:
            near = nearest(call.name, tools)
            yield Problem(code="unknown_tool", expected="a tool", found=_shown(call.name),
                          nearest=near, at=at)  # fmt: skip
            continue
        name = _free(call.name, plan, taken)
        taken.append(name)
        try:
            args = {key: _arg(value, at) for key, value in _arguments(call).items()}
            node = Call(id=name, tool=call.name, args=args, at=at)
            patch_from_json(patch_to_json(Patch(add=(node,))))  # what the journal can keep
        except ValueError as error:
            yield Problem(code="syntax", expected=f"JSON arguments of {call.name}",
                          found=f"{_shown(call.arguments)}: {error}", at=at, node=name)  # fmt: skip
        except InvalidPlan as error:
            for problem in error.problems:
                expected = f"{problem.expected}, for {call.name}"
                yield replace(problem, expected=expected, at=at, node=name)
        else:
            yield node


def _arguments(call: ToolCall) -> dict[str, Json]:
    """Raises `ValueError` where they are no JSON object."""
    from pydantic_core import from_json

    given = from_json(call.arguments or "{}", allow_inf_nan=False)
    if not isinstance(given, dict):
        raise ValueError("not an object")
    return cast("dict[str, Json]", given)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…")


def _free(stem: str, plan: Plan, taken: list[str] | tuple[str, ...]) -> str:
    used = {*plan.nodes, *plan.inputs, *taken}
    return next(name for name in (f"{stem}_{n}" for n in count(1)) if name not in used)


def _arg(value: Json, at: Position) -> Arg:
    """A JSON argument; the strings in it that are written as references are references."""
    source = _source(value)
    return Const(value, at) if source is None else replace(expression(source), at=at)


def _source(value: Json) -> str | None:
    """The expression for a value that holds references; None where it holds none."""
    match value:
        case str():
            return value[1:] if _is_reference(value) else None
        case list():
            parts = [_source(item) for item in value]
            if any(parts):
                both = zip(parts, value, strict=True)
                return f"[{', '.join(part or repr(item) for part, item in both)}]"
        case dict():
            named = {key: _source(item) for key, item in value.items()}
            if any(named.values()):
                pairs = (f"{key!r}: {part or repr(value[key])}" for key, part in named.items())
                return f"{{{', '.join(pairs)}}}"
        case _:
            pass
    return None


def _is_reference(text: str) -> bool:
    found = _REFERENCE.fullmatch(text)
    if found is None or not is_name(found["name"]):
        return False
    fields = re.findall(r"\.(\w+)", found["path"])
    return all(is_field(field) for field in fields)


def _written(arg: Arg) -> Json:
    """An argument as the model wrote it."""
    match arg:
        case Const():
            return arg.value
        case Expr(tree=ast.List(elts=items)):
            return [_written(expression(item)) for item in items]
        case Expr(tree=ast.Dict(keys=keys, values=items)):
            names = [key.value for key in keys if isinstance(key, ast.Constant)]
            both = zip(names, items, strict=True)
            return {str(name): _written(expression(item)) for name, item in both}
        case _:
            return f"${arg_source(arg)}"
