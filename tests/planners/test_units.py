"""What a number may count is told to whoever writes of it, by the texts that it was made from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit import Agent, tool
from agentkit.plan.expression import expression
from agentkit.plan.graph import Answer, Compute, Plan, Ref
from agentkit.planners import Fixed
from agentkit.planners.units import beside, units_of
from agentkit.testing import ScriptedModel

pytestmark = pytest.mark.anyio


@tool(effect="pure")
def order() -> str:
    """What was ordered."""
    return "Lunch for 14 people at 17.50 euros, 3 euros less on the 2nd day; see room 4b7."


@tool(effect="pure")
def price(text: str) -> dict[str, Any]:
    """What it comes to, as `compute` says it."""
    return {"value": 245, "code": "result = 14 * 17.50"}


@tool(effect="pure")
def length(text: str) -> int:
    """How long it is."""
    return len(text)


@pytest.mark.parametrize(
    ("plan", "unit"),
    [
        ("t = order()\nn = price(text=t)\nanswer(using=[n])", "one of: euros, people"),
        ("n = price(text=given)\nanswer(using=[n])", "one of: £"),
        (
            "t = order()\na = price(text=t)\nb = a.value / 2\nc = b + 1\nanswer(using=[c])",
            "one of: euros, people",
        ),
        ("n = length(text='5 km')\nanswer(using=[n])", None),  # no result: the plan's own text
        ("t = order()\nanswer(using=[t, given])", None),  # texts have their units themselves
        ("t = order()\nx = length(text=t) > 5\nanswer(using=[x])", None),
    ],
)
async def test_a_number_is_shown_with_what_it_may_count(plan: str, unit: str | None) -> None:
    model = ScriptedModel(replies=["As follows."])
    agent = Agent(model=model, tools=[order, price, length], planner=Fixed(plan), store="memory")
    await agent.run("What is it?", inputs={"given": "£5 off"})
    (request,) = model.requests
    found = re.search(r' unit="([^"]*)" type="', request.messages[-1].content)
    assert (found and found[1]) == unit


@given(st.text() | st.from_regex(r"(\d{1,3}\W?[\w<>\"/$]{0,30}\s?){1,8}"))
def test_only_words_and_signs_are_taken_from_a_text(text: str) -> None:
    for word in beside(text):
        letters = word.isalnum() and not any(char.isdecimal() for char in word)
        assert word in "$€£¥₹%‰" or (letters and len(word) <= 20)


def test_a_long_way_back_to_a_text_is_gone() -> None:
    def chain() -> Iterator[tuple[str, Compute]]:
        yield "n1", Compute(id="n1", value=expression("int(text)"))
        for n in range(2, 3001):
            yield f"n{n}", Compute(id=f"n{n}", value=expression(f"n{n - 1} + 1"))

    plan = Plan(nodes=dict(chain()), answer=Answer(using=(Ref("n3000"),)))
    values = {name: 1 for name in plan.nodes} | {"text": "12 km"}
    assert units_of("n3000", plan, values) == ["km"]
