"""The tool `compute`: the model writes a program for values that are known, the sandbox runs it."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from agentkit.budget import NO_FEE
from agentkit.errors import ToolError
from agentkit.messages import Message, Request
from agentkit.models.complete import complete
from agentkit.planners.digest import cut, render, type_word, without_program
from agentkit.planners.examples import nearest
from agentkit.protocols import Model
from agentkit.tool import Context, Tool, tool
from agentkit.tools.language import prompt_file, require_short, room
from agentkit.tools.program import careless, program_grammar
from agentkit.tools.sandbox import Evaluated, evaluate
from agentkit.types import Json

TRIES = 2
SMALL_TRIES = 6
SMALL_AGREE = 2
"""A small model slips now and then: two programs that are not careless have to come to the same.

Of the demo's question some six programs in ten are right: of four, one in five times fewer than two
are, of six one in twenty-five.
"""

NEAREST = 5
TASK = "Task: "

WARM = 0.6
"""The temperature of every try after the first."""

_FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_EXAMPLE = re.compile(r"(.+?)\n\n```python\n(.+?)\n```\n*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What was computed, and the program that computed it."""

    value: Any
    code: str


def compute() -> Tool[Any, Any]:
    """A tool that has the model write a program for values that are known, and runs it."""

    @tool(name="compute", effect="read", timeout_s=600.0, expected_s=12.0, cost=NO_FEE)
    async def work_out(task: str, values: dict[str, Any], context: Context) -> Worked:
        """Calculate or count something from the values.

        Args:
            task: What to work out.
            values: The values to work with, by name; texts that hold the numbers are fine.
        """
        require_short("task", task, context.model, "give the text as one of the values")
        known = {name: without_program(value) for name, value in values.items()}
        return await _agreed(_request(task, known, context), known, context.model)

    return work_out


async def _agreed(request: Request, values: Mapping[str, Any], model: Model) -> Worked:
    """What the first program comes to; of a small model, what two programs come to.

    A program that fails is shown to the model with what was wrong. Raises `ToolError` where none
    comes to anything.
    """
    small = model.profile.guided
    found: list[Worked] = []
    failure = ToolError("expected a program, came nothing")
    for turn in range(SMALL_TRIES if small else TRIES):
        asked = replace(request, temperature=WARM, seed=turn) if turn else request
        code = program_of((await complete(model, asked)).text)
        try:
            one = await _worked(code, values)
        except ToolError as error:
            failure, request = error, _with_mistake(request, code, error)
            continue
        found.append(one)
        same = [other for other in found if other.value == one.value and not careless(other.code)]
        if len(same) >= SMALL_AGREE or not small:
            return one
    if not found:
        raise failure
    return max(found, key=lambda one: (_votes(one, found), not careless(one.code)))


def _votes(one: Worked, found: Sequence[Worked]) -> int:
    """How many programs came to the same; a careful one counts for two."""
    return sum(2 - careless(other.code) for other in found if other.value == one.value)


def _request(task: str, values: Mapping[str, Any], context: Context) -> Request:
    """The question after the examples that are like it, the likest last; to a small model with a
    grammar. The same task has the same examples: only its values are read again."""
    model, question = context.model, _question(task, values, context)
    likest = nearest(question.rpartition(TASK)[2], _examples(), NEAREST)
    constant = (Message("system", prompt_file("compute.md")), *_turns(likest))
    return Request(
        messages=(*constant, Message("user", question)),
        constant=len(constant),
        purpose="compute",
        grammar=program_grammar(_said(task, context.task, values), values.values())
        if model.profile.guided and model.profile.grammar
        else None,
        max_tokens=400,
    )


def _said(*texts: Any) -> str:
    """All that a program may take its numbers from, as one text."""
    return "\n".join(map(render, texts))


@dataclass(frozen=True, slots=True)
class Solved:
    """A question with the program that answers it."""

    question: str
    code: str

    @property
    def task(self) -> str:
        """The question without its values."""
        return self.question.rpartition(TASK)[2]


@cache
def _examples() -> tuple[Solved, ...]:
    found = _EXAMPLE.findall(prompt_file("compute_examples.md"))
    return tuple(Solved(question, code) for question, code in found)


def _turns(examples: Sequence[Solved]) -> list[Message]:
    """Each example as two turns of the conversation."""
    pairs = [(Message("user", one.question), Message("assistant", one.code)) for one in examples]
    return [turn for pair in pairs for turn in pair]


def _question(task: str, values: Mapping[str, Any], context: Context) -> str:
    share = room(context.model) // max(1, len(values))
    shown = [
        f"{name} ({type_word(value)}):\n{cut(render(value), share)}"
        for name, value in values.items()
    ]
    around = cut(context.task or task, room(context.model) // 2)
    return "\n\n".join([*shown, f"{TASK}{around}", f"Work out: {task}"])


def _with_mistake(request: Request, code: str, error: ToolError) -> Request:
    said = f"That program failed: {error}\nWrite it again without this mistake."
    turns = (Message("assistant", code), Message("user", said))
    return replace(request, messages=(*request.messages, *turns))


def program_of(reply: str) -> str:
    """The program in a reply: its first fenced block, or the reply itself."""
    found = _FENCE.search(reply)
    return (found[1] if found else reply).strip()


async def _worked(code: str, values: Mapping[str, Any]) -> Worked:
    """What the program comes to. Raises `ToolError` where it fails or comes to nothing."""
    if not code:
        raise ToolError("expected a program, came nothing")
    done = await asyncio.to_thread(evaluate, code, values)
    return Worked(value=_rounded(_result(done)), code=code)


def _result(done: Evaluated) -> Json:
    """The value of the last statement, or what a program printed that ends in nothing."""
    if done.value is not None:
        return done.value
    printed = done.stdout.strip()
    if not printed:
        raise ToolError("the program came to nothing; end it with `result = …`")
    return printed


def _rounded(value: Json) -> Json:
    """Without the dust of binary fractions: 403.2 for 403.20000000000005."""
    match value:
        case float() if math.isfinite(value):
            neat = float(f"{value:.12g}")
            return int(neat) if neat.is_integer() and abs(neat) < 1e15 else neat
        case list():
            return [_rounded(item) for item in value]
        case dict():
            return {name: _rounded(item) for name, item in value.items()}
        case _:
            return value
