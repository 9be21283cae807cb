"""Answers: written from the results, cited, typed, streamed; what failed is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict

from agentkit import Agent, RunError, ToolError, open_store, tool
from agentkit.errors import ModelError
from agentkit.events import Event
from agentkit.messages import Profile
from agentkit.planners import Fixed
from agentkit.testing import Scripted, ScriptedModel

pytestmark = pytest.mark.anyio


@tool(effect="pure")
def menu(day: str) -> dict[str, Any]:
    """What is served."""
    return {"tea": "3 euros", "cake": "4 euros", "day": day}


@tool(effect="pure")
def lines(day: str) -> list[str]:
    """What is served, line by line."""
    return [" Tea ", "Cake"]


@tool(effect="pure")
def told(day: str) -> str:
    """What is served, in words."""
    return f" On {day} we serve tea. "


@tool(effect="read")
def closed(day: str) -> dict[str, Any]:
    """Always fails."""
    raise ToolError(f"no menu on {day}")


PLAN = "m = menu(day='Monday')\nx = closed(day='Sunday')\nanswer(using=[m, x, day])"
SMALL = Profile(guided=True)


def agent(plan: str, *replies: str | Scripted, **options: Any) -> tuple[Agent[Any], ScriptedModel]:
    """An agent with a plan that stands, and the model that writes its answer."""
    model = ScriptedModel(replies=replies, profile=options.pop("profile", Profile()))
    given: Mapping[str, Any] = {"store": "memory", "tools": [menu, lines, told, closed], **options}
    return Agent(model=model, planner=Fixed(plan), **given), model


def read(model: ScriptedModel) -> str:
    return model.requests[-1].messages[-1].content


async def test_an_answer_cites_only_what_exists_and_came_to_a_value() -> None:
    reply = "Tea is 3 euros [m, rumour]. Closed on Sundays [x]. Today is Monday [day]."
    asked, _ = agent(PLAN, reply)
    run = await asked.run("What is there?", inputs={"day": "Monday"})
    assert run.answer == "Tea is 3 euros [m]. Closed on Sundays. Today is Monday."
    assert run.cites == ("m",) and set(run.cites) <= run.outcomes.keys()


async def test_an_answer_that_cites_nothing_rests_on_all_that_it_was_given() -> None:
    asked, _ = agent("m = menu(day='Monday')\nt = told(day='Monday')\nanswer(using=[m, t])", "Tea.")
    assert (await asked.run("What is there?")).cites == ("m", "t")


async def test_the_writer_reads_values_inputs_and_what_failed() -> None:
    asked, model = agent(PLAN, "Tea.", instructions="Be kind.")
    run = await asked.run("What is there?", inputs={"day": "Monday"})
    text = read(model)
    assert '<data of="m" from="menu(day=\'Monday\')" type="dict">\ntea: 3 euros' in text
    assert '<data of="day" type="str">\nMonday\n</data>' in text
    assert "ToolError: no menu on Sunday" in text
    assert "These steps failed; say what is missing because of them: x" in text
    assert text.endswith("Be kind.\n\nTask: What is there?")
    assert [*run.failures] == ["x"]


async def test_a_step_that_failed_is_told_where_the_answer_does_not_name_it() -> None:
    asked, model = agent("m = menu(day='Monday')\nx = closed(day='Sunday')\nanswer(using=[m])", "T")
    await asked.run("What is there?")
    assert "no menu on Sunday" in read(model) and "because of them: x" in read(model)


async def test_a_plan_without_an_answer_is_answered_from_its_last_results() -> None:
    plan = (
        "m = menu(day='Monday')\nt = f'{m.tea}!'\nif t == 'x':\n    u = told(day=t)\nobserve(t)\n"
    )
    asked, model = agent(plan, "Tea is 3 euros [t].")
    run = await asked.run("What is there?")
    assert run.cites == ("t",) and "3 euros!" in read(model) and 'of="m"' not in read(model)


async def test_nothing_left_to_answer_from_names_the_first_failure() -> None:
    plan = "x = closed(day='Sunday')\ny = told(day=x.tea)\nz = told(day=y)\nanswer(using=[z])"
    asked, model = agent(plan)
    said = "nothing is left to answer from; x: no menu on Sunday"
    with pytest.raises(RunError, match=said) as caught:
        await asked.run("What is there?")
    assert caught.value.failed == ("x",)
    assert model.requests == []


async def test_a_text_that_has_no_value_is_written_by_the_model() -> None:
    asked, model = agent("m = menu(day='Monday')\nanswer(f'{m.coffee}')", "There is no coffee [m].")
    assert (await asked.run("Coffee?")).answer == "There is no coffee [m]."
    assert 'of="answer" type="failed"' in read(model) and "coffee" in read(model)


async def shown(asked: Agent[Any]) -> tuple[list[str], Event]:
    """The pieces of the answer in the order in which they were shown, and the run's end."""
    events = [event async for event in asked.stream("What is there?")]
    pieces = [str(event.data["text"]) for event in events if event.type == "answer.text"]
    return pieces, events[-1]


@pytest.mark.parametrize("profile", [Profile(), SMALL])
async def test_an_answer_is_shown_as_it_is_written(profile: Profile) -> None:
    reply = "Tea is 3 euros [m]. Cake is 4 euros [m].\n\nNobody knows the rest [rumour]."
    asked, _ = agent("m = menu(day='Monday')\nanswer(using=[m])", reply, profile=profile)
    pieces, ended = await shown(asked)
    assert len(pieces) >= 3
    assert "".join(pieces) == ended.data["answer"] == reply.replace(" [rumour]", "")


async def test_a_small_models_own_citations_give_way_to_those_that_fit() -> None:
    plan = "m = menu(day='Monday')\nt = told(day='Sunday')\nanswer(using=[m, t])"
    asked, _ = agent(plan, "Cake: 4 euros [t]. On Sunday we serve tea [m].", profile=SMALL)
    run = await asked.run("What is there?")
    assert run.answer == "Cake: 4 euros [m]. On Sunday we serve tea [t]."
    assert run.cites == ("m", "t")


@pytest.mark.parametrize(
    ("plan", "answer"),
    [
        ("t = told(day='Monday')\nanswer(using=[t])", "On Monday we serve tea."),
        ("t = lines(day='Monday')\nanswer(using=[t])", "- Tea\n- Cake"),
    ],
)
async def test_a_text_that_is_written_already_is_not_written_anew_by_a_small_model(
    plan: str, answer: str
) -> None:
    asked, model = agent(plan, profile=SMALL)
    run = await asked.run("What is there?")
    assert (run.answer, run.cites, model.requests) == (answer, ("t",), [])


def even(n: int) -> int:
    if n % 2:
        raise ValueError("an odd number of euros")
    return n


class Bill(BaseModel):
    """A typed answer whose schema cannot say all that it asks for."""

    model_config = ConfigDict(strict=True)
    day: date
    euros: Annotated[int, AfterValidator(even)]


@dataclass
class Note:
    """Another typed answer."""

    text: str


GOOD = '{"day": "2026-03-02", "euros": 4}'
BILL = "m = menu(day='Monday')\nanswer(using=[m])"


async def test_a_typed_answer_is_text_json_and_its_type() -> None:
    asked, model = agent(BILL, GOOD, output=Bill)
    run = await asked.run("The bill?")
    assert run.output == Bill(day=date(2026, 3, 2), euros=4) and run.cites == ("m",)
    assert run.answer == '{\n  "day": "2026-03-02",\n  "euros": 4\n}'
    assert model.requests[0].schema == Bill.model_json_schema()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("It is 4 euros.", "expected JSON"),
        ('{"day": "2026-03-02"}', "'euros' is a required property"),
        ('{"day": "tomorrow", "euros": 4}', "at day: "),
        ('{"day": "2026-03-02", "euros": 3}', "at euros: Value error, an odd number of euros"),
    ],
)
async def test_a_refused_typed_answer_is_asked_for_once_more(bad: str, why: str) -> None:
    asked, model = agent(BILL, bad, GOOD, output=Bill)
    assert (await asked.run("The bill?")).output.euros == 4
    assert "Your last reply was refused: " in read(model) and why in read(model)
    assert "tea: 3 euros" in read(model)


async def test_a_typed_answer_that_stays_wrong_fails_the_run() -> None:
    store = open_store("memory")
    bad = '{"day": "2026-03-02", "euros": 3}'
    asked, model = agent(BILL, bad, bad, output=Bill, store=store)
    with pytest.raises(ModelError, match="expected JSON of the answer's type .* an odd number"):
        await asked.run("The bill?")
    assert len(model.requests) == 2
    (line,) = await store.journal.runs()
    assert line.status == "failed"
    await store.close()


async def test_a_typed_answer_is_shaped_from_the_plans_own_text() -> None:
    asked, model = agent("answer('Closed.')", '{"text": "Closed."}', output=Note)
    assert (await asked.run("Open?")).output == Note("Closed.")
    assert '<data of="answer" type="str">\nClosed.\n</data>' in read(model)


async def test_a_value_that_only_looks_like_a_handle_is_none() -> None:
    @tool(effect="pure")
    def listing() -> dict[str, Any]:
        """What a server says of a file."""
        return {"sha256": "ab", "media_type": "text/html", "size_bytes": 5, "url": "/x"}

    asked, model = agent("f = listing()\nanswer(using=[f])", "A page.", tools=[listing])
    run = await asked.run("What is it?")
    assert run.artifacts == {} and "text/html" in read(model)
