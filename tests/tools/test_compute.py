"""`compute` with a small model: its programs are held to a grammar, and two of them must agree."""

from __future__ import annotations

import re
from typing import Any

import pytest

from agentkit import Agent
from agentkit.messages import Profile
from agentkit.outcome import Outcome
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel
from agentkit.tools.compute import compute
from agentkit.tools.language import prompt_file
from agentkit.tools.program import careless
from agentkit.tools.sandbox import evaluate
from agentkit.types import Json

pytestmark = pytest.mark.anyio

SMALL = Profile(guided=True, grammar=True, context_tokens=8192)
NOTE = "Three chairs at 4 euros, please."

FOUR = "chairs = 2\neuros = 2\nresult = chairs * euros"
ALSO_FOUR = "first = 1\nsecond = 3\nresult = first + second"
FIVE = "chairs = 2\neuros = 3\nresult = chairs + euros"
SIX = "result = 2 * 3"
IDLE_FOUR = "chairs = 2\neuros = 9\nresult = chairs * 2"
TWICE_FOUR = "total = 1\ntotal = total + 3\nresult = total"
BROKEN = "result = chairs * 2"


async def worked(
    *programs: str, task: str = "total", **values: Any
) -> tuple[Outcome, ScriptedModel]:
    """How a call of `compute` ended whose model writes these programs."""
    model = ScriptedModel(replies=programs, profile=SMALL)
    names = ", ".join(f"'{name}': {name}" for name in values)
    plan = f"x = compute(task={task!r}, values={{{names}}})\nanswer('done')"
    agent = Agent(model=model, tools=[compute()], planner=Fixed(plan), store="memory")
    return (await agent.run("What is it?", inputs=values)).outcomes["x"], model


@pytest.mark.parametrize(
    ("programs", "value"),
    [
        ([FOUR, ALSO_FOUR], 4),
        ([FIVE, FOUR, ALSO_FOUR], 4),
        ([FIVE, FOUR, SIX, ALSO_FOUR], 4),
        ([BROKEN, FOUR, ALSO_FOUR], 4),
        ([IDLE_FOUR, FIVE, TWICE_FOUR, FIVE], 5),
        ([IDLE_FOUR, FIVE, SIX, TWICE_FOUR, BROKEN, BROKEN], 5),
        ([IDLE_FOUR, *[BROKEN] * 5], 4),
    ],
    ids=[
        "two",
        "third",
        "fourth",
        "after a failure",
        "careless",
        "first careful",
        "better than none",
    ],
)
async def test_two_careful_programs_decide(programs: list[str], value: int) -> None:
    end, model = await worked(*programs, note=NOTE)
    assert isinstance(end.value, dict) and end.value["value"] == value
    assert len(model.requests) == len(programs)
    assert [request.temperature > 0 for request in model.requests] == [False] + [True] * (
        len(programs) - 1
    )


async def test_it_fails_where_every_program_does() -> None:
    end, model = await worked(*[BROKEN] * 6, note=NOTE)
    assert end.failure is not None and "chairs" in end.failure.message and len(model.requests) == 6


@pytest.mark.parametrize(
    ("value", "free"),
    [
        (NOTE, False),
        ("Dear Kim,\ntwo chairs, please.\nBest, Lou", False),
        ([{"text": NOTE, "score": 0.5, "source": "a.md"}], False),
        ({"text": NOTE, "seconds": 4.0}, False),
        ({"total": "94.00 EUR"}, False),
        (7, False),
        ("name,points\nKim,4\nLou,7", True),
        ([1.5, 2.5], True),
        ([{"name": "Kim", "points": 4}], True),
        ({"kim": 4, "lou": 7}, True),
    ],
)
async def test_only_rows_are_taken_apart(value: Any, free: bool) -> None:
    _, model = await worked(FOUR, ALSO_FOUR, value=value)
    grammar = model.requests[0].grammar
    assert grammar is not None and ("other+" in grammar) is free
    assert ('data ::= ("min" | "max")' in grammar) is not free


async def test_the_numbers_are_those_of_task_and_values() -> None:
    _, model = await worked(FOUR, ALSO_FOUR, task="15 percent of it", note="It is 1,234.50 euros.")
    (line,) = re.findall(r"^number ::= (.+)", model.requests[0].grammar or "", re.MULTILINE)
    numbers = {part.strip('"') for part in line.split(" | ")}
    assert {"15", "0.15", "0.85", "1.15", "1234.50", "1234.5"} <= numbers and "50" not in numbers


async def test_what_a_program_came_to_is_a_number_for_the_next() -> None:
    end, _ = await worked("result = before * 2", "result = before + before",
                          before={"value": 21, "code": "result = 21"})  # fmt: skip
    assert isinstance(end.value, dict) and end.value["value"] == 42


async def test_it_sees_the_five_likest_examples_the_likest_last() -> None:
    _, model = await worked(FOUR, ALSO_FOUR, task="average length of the boards", boards=[4.5, 6.0])
    request = model.requests[0]
    *_, question, program, asked = request.messages
    assert "Work out: average length" in question.content and "len(lengths)" in program.content
    assert asked.content.endswith("Task: What is it?\n\nWork out: average length of the boards")
    turns = [message.role for message in request.messages]
    assert turns == ["system", *["user", "assistant"] * 5, "user"]


EXAMPLES = re.findall(r"```python\n(.+?)\n```", prompt_file("compute_examples.md"), re.DOTALL)
GIVEN: dict[str, Json] = {"lengths": [4.5, 6.0], "table": "name,room,points\nKim,4,12.5\nLou,7,9"}


@pytest.mark.parametrize("code", EXAMPLES, ids=lambda code: code.split("\n")[0][2:42])
def test_every_example_is_a_careful_program_that_runs(code: str) -> None:
    assert isinstance(evaluate(code, GIVEN).value, int | float)
    assert not careless(code) and code.startswith("# ") and "=" not in code.split("\n")[0]
