"""The language model as tools, in runs: what they ask, what they give back, how they fail."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from agentkit import Agent
from agentkit.errors import ModelError, PlanRefused, RunError, UsageError
from agentkit.messages import Profile
from agentkit.outcome import Outcome
from agentkit.planners import Fixed
from agentkit.run import Run
from agentkit.testing import Scripted, ScriptedModel
from agentkit.tools.compute import compute
from agentkit.tools.language import ask, extract, summarize, translate

pytestmark = pytest.mark.anyio

TOOLS = (compute(), ask(), summarize(), translate(), extract())


async def outcome(
    call: str, *replies: str | Scripted | Exception, profile: Profile | None = None, **inputs: Any
) -> tuple[Outcome, ScriptedModel]:
    """How a node with this call ended, and the model that its tool asked."""
    model = ScriptedModel(replies=replies, profile=profile or Profile())
    plan = f"x = {call}\nanswer('done')"
    agent = Agent(model=model, tools=TOOLS, planner=Fixed(plan), store="memory")
    return (await agent.run("Any.", inputs=inputs)).outcomes["x"], model


def failure(end: Outcome) -> str:
    assert end.status == "failed" and end.failure is not None
    return f"{end.failure.kind}: {end.failure.message}"


def read(model: ScriptedModel, call: int = -1) -> str:
    return model.requests[call].messages[-1].content


COMPUTE = "compute(task='total', values={'prices': prices, 'note': 'for two'})"


async def test_compute_gives_the_value_and_its_program() -> None:
    reply = "Here it is:\n```python\ntotal = sum(prices)\nresult = total * 1.1\n```\nDone."
    end, model = await outcome(COMPUTE, reply, prices=[1, 2.5])
    assert end.value == {"value": 3.85, "code": "total = sum(prices)\nresult = total * 1.1"}
    assert all(part in read(model) for part in ("prices", "2.5", "note", "for two", "total"))


@pytest.mark.parametrize(
    ("reply", "value"),
    [("result = len(prices)", 2), ("sum(prices)", 3), ("[p * 0.1 for p in prices]", [0.1, 0.2])],
)
async def test_compute_needs_no_fence(reply: str, value: Any) -> None:
    end, _ = await outcome(COMPUTE, reply, prices=[1, 2])
    assert end.value == {"value": value, "code": reply}


@pytest.mark.parametrize(
    "bad", ["result = price * 2", "result = (", "1 / 0", "import socket\nresult = 1", "x = None",
            "", "while True: pass"],
)  # fmt: skip
async def test_compute_has_a_program_that_fails_mended_once(bad: str) -> None:
    end, model = await outcome(COMPUTE, bad, "result = sum(prices)", prices=[1, 2])
    assert end.value == {"value": 3, "code": "result = sum(prices)"} and len(model.requests) == 2


async def test_compute_fails_where_the_program_fails_twice() -> None:
    end, model = await outcome(COMPUTE, "result = first", "result = second", prices=[1])
    assert "second" in failure(end) and failure(end).startswith("ToolError")
    assert len(model.requests) == 2
    assert any("first" in message.content for message in model.requests[1].messages)


async def test_compute_fails_where_the_program_comes_to_nothing() -> None:
    end, _ = await outcome(COMPUTE, "x = None", "None", prices=[1])
    assert failure(end).startswith("ToolError") and "nothing" in failure(end)


async def test_compute_fails_with_its_model() -> None:
    end, _ = await outcome(COMPUTE, ModelError("no such model"), prices=[1])
    assert failure(end) == "ModelError: no such model"


async def test_ask_answers_from_what_it_is_given_or_from_nothing() -> None:
    end, model = await outcome("ask(question='Who?', about=[d, 7])", " Ada. ", d={"boss": "Ada"})
    assert end.value == "Ada."
    assert "boss: Ada" in read(model) and read(model).endswith("\n\nQuestion: Who?")
    end, model = await outcome("ask(question='Who?')", "Nobody.")
    assert end.value == "Nobody." and read(model) == "Who?"
    end, model = await outcome("ask(question='How many?', about=0)", "None.")
    assert "0\n\nQuestion" in read(model)


@pytest.mark.parametrize(("many", "said"), [(1, "in one sentence."), (4, "in 4 sentences.")])
async def test_summarize_asks_for_so_many_sentences(many: int, said: str) -> None:
    end, model = await outcome(f"summarize(text=t, sentences={many})", "Short.", t="Long text.")
    assert end.value == "Short."
    assert read(model).startswith("Long text.") and read(model).endswith(said)


async def test_summarize_takes_passages() -> None:
    passages = [{"text": "Tea.", "source": "menu.md"}, "Cake."]
    end, model = await outcome("summarize(text=t)", "Food.", t=passages)
    assert end.value == "Food." and read(model).startswith("- Tea. (menu.md)\n- Cake.")


@pytest.mark.parametrize("many", [0, 21])
async def test_summarize_has_its_bounds(many: int) -> None:
    end, model = await outcome("summarize(text='t', sentences=n)", n=many)
    assert "sentences" in failure(end) and model.requests == []


async def test_translate_names_the_language_and_keeps_the_whole_text() -> None:
    end, model = await outcome("translate(text=t, language='French')", "Bonjour\nAda", t="Hi\nAda")
    assert end.value == "Bonjour\nAda"
    assert read(model) == "Hi\nAda\n\nTranslate the text above into French."


async def test_a_translation_that_was_cut_is_none() -> None:
    cut = Scripted("Bonj", finish="length")
    end, _ = await outcome("translate(text=t, language='French')", cut, t="Good day. " * 900)
    assert "cut after 3,000 tokens; translate the text in parts" in failure(end)


async def test_a_text_too_long_to_be_read_whole_is_not_translated_in_part() -> None:
    small = Profile(context_tokens=1000)
    end, model = await outcome("translate(text=t, language='French')", t="x" * 2000, profile=small)
    assert "at most 1,500 characters to translate at once" in failure(end)
    assert "2,000" in failure(end) and model.requests == []


async def test_a_long_text_is_cut_to_what_the_model_can_read_and_it_is_told() -> None:
    small = Profile(context_tokens=1000)
    end, model = await outcome("summarize(text=t)", "Short.", t="word " * 1000, profile=small)
    assert end.value == "Short."
    assert len(read(model)) < 1700 and "(cut; 4,999 characters in all)" in read(model)


EXTRACT = "extract(text=t, fields=['name', 'due date'])"


async def test_extract_gives_the_fields_and_null_for_what_is_missing() -> None:
    given = {"name": "Ada", "due date": None}
    end, model = await outcome(EXTRACT, json.dumps(given), t="It is Ada.")
    assert end.value == given
    assert read(model) == "It is Ada.\n\nFields: name, due date"
    schema: Any = model.requests[0].schema
    assert schema["required"] == ["name", "due date"] and not schema["additionalProperties"]


async def test_a_field_that_is_named_twice_is_taken_once() -> None:
    call = "extract(text=t, fields=['name', 'name'])"
    end, _ = await outcome(call, '{"name": "Ada"}', t="It is Ada.")
    assert end.value == {"name": "Ada"}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("Ada", "expected JSON"),
        ('{"name": "Ada"}', "'due date' is a required property"),
        ('{"name": 7, "due date": null}', "7 is not valid"),
        ('{"name": "Ada", "due date": null, "more": "x"}', "Additional properties"),
    ],
)
async def test_extract_fails_where_the_reply_is_not_of_the_fields(reply: str, why: str) -> None:
    end, _ = await outcome(EXTRACT, *[reply] * 3, t="It is Ada.")
    assert failure(end).startswith("ModelError: expected JSON") and why in failure(end)


@pytest.mark.parametrize("fields", [[], ["f"] * 31])
async def test_extract_has_its_bounds(fields: list[str]) -> None:
    end, model = await outcome("extract(text='t', fields=f)", f=fields)
    assert "fields" in failure(end) and model.requests == []


@dataclass(frozen=True)
class Line:
    item: str
    euros: float


@dataclass(frozen=True)
class Invoice:
    number: str
    due: date | None
    lines: list[Line]


READ = "x = read_invoice(text=t)\ntotal = sum(line.euros for line in x.lines)\nanswer(f'{total}')"
LINES = [{"item": "tea", "euros": 2.5}, {"item": "cake", "euros": 4}]


async def typed(reply: str) -> tuple[Run[Any], ScriptedModel]:
    """A run with a tool that takes an invoice out of a text, and adds its lines up."""
    model = ScriptedModel(replies=[reply] * 3)
    tools = [extract(Invoice, name="read_invoice")]
    agent = Agent(model=model, tools=tools, planner=Fixed(READ), store="memory")
    return await agent.run("Any.", inputs={"t": "Invoice 7: tea 2.50, cake 4"}), model


async def test_extract_into_a_type_gives_its_fields_with_their_types() -> None:
    given = {"number": "7", "due": "2026-12-24", "lines": LINES}
    run, model = await typed(json.dumps(given))
    assert run.outcomes["x"].value == given | {"lines": [LINES[0], {"item": "cake", "euros": 4.0}]}
    assert run.answer == "6.5"
    schema: Any = model.requests[0].schema
    assert schema["required"] == ["number", "due", "lines"] and "due" in read(model)


def test_a_plan_knows_the_fields_of_the_type() -> None:
    wrong = READ.replace("line.euros", "line.price")
    made = extract(Invoice, name="read_invoice")
    agent = Agent(model="test:", tools=[made], planner=Fixed(wrong), store="memory")
    with pytest.raises(PlanRefused, match="price"):
        agent.run_sync("Any.", inputs={"t": "Invoice 7"})


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ({"number": "7", "due": None}, "'lines' is a required property"),
        ({"number": "7", "due": "soon", "lines": []}, "is no Invoice: at due, Input should be"),
    ],
)
async def test_extract_fails_where_the_reply_is_not_of_the_type(reply: Any, why: str) -> None:
    with pytest.raises(RunError) as caught:
        await typed(json.dumps(reply))
    assert why in str(caught.value)


@pytest.mark.parametrize("into", [str, list[Line], object()])
def test_extract_needs_a_type_with_fields(into: Any) -> None:
    with pytest.raises(UsageError, match="extract"):
        extract(into)


NO_TEXT: list[Any] = ["", "  \n", []]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        *((call, text) for call in ("summarize(text=t)", EXTRACT) for text in NO_TEXT),
        *(("translate(text=t, language='French')", text) for text in NO_TEXT[:2]),
    ],
)
async def test_a_text_that_is_empty_is_an_error(call: str, text: Any) -> None:
    end, model = await outcome(call, t=text)
    assert failure(end) == "ToolError: expected a text, came an empty one"
    assert model.requests == []


@pytest.mark.parametrize(
    "call", ["ask(question='Who?')", "summarize(text='t')", "translate(text='t', language='de')"]
)
async def test_a_reply_of_nothing_is_a_failure(call: str) -> None:
    end, _ = await outcome(call, *[" \n"] * 3)
    assert failure(end) == "ToolError: test:scripted wrote nothing" and end.failure is not None
    assert end.failure.retryable


async def test_the_calls_are_in_the_journal_under_their_node() -> None:
    model = ScriptedModel(replies=["Short."])
    plan = "x = summarize(text='A text.')\nanswer(f'{x}')"
    agent = Agent(model=model, tools=TOOLS, planner=Fixed(plan), store="memory")
    events = [event async for event in agent.stream("Any.")]
    (called,) = [event for event in events if event.type == "model.called"]
    assert (called.node or "").startswith("x/") and called.data["purpose"] == "summarize"
