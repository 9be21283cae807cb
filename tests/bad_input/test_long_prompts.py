"""50,000 characters where a sentence was expected, and a small model that reads 6,000 at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent
from agentkit.messages import Profile
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel
from agentkit.tools import ask, compute, extract, rag, search, speak, summarize, translate
from agentkit.tools.embed import MiniLM

pytestmark = pytest.mark.anyio

LONG = "A guest wears a yellow badge. " * 1_667
SMALL = Profile(guided=True)


@pytest.fixture
def tools(tmp_path: Path) -> list[Any]:
    (tmp_path / "visitors.md").write_text("A guest wears a yellow badge.")
    folder: Any = {"folder": tmp_path, "index": tmp_path / ".index", "embedder": MiniLM()}
    language = [ask(), compute(), extract(), summarize(), translate()]
    return [*language, rag(**folder), search(**folder), speak()]


async def ended(call: str, tools: list[Any], *replies: str, task: str = "Any.") -> Any:
    """How the call ended, and the model that was asked."""
    model = ScriptedModel(replies=replies, profile=SMALL)
    planner = Fixed(f"x = {call}\nanswer('done')")
    agent = Agent(model=model, tools=tools, planner=planner, store="memory")
    return (await agent.run(task, inputs={"long": LONG})).outcomes["x"], model


REFUSED = {
    "ask(question=long)": "question: expected at most 3,000 characters, came 50,010; give the text",
    "compute(task=long, values={'n': 1})": "task: expected at most 3,000 characters, came 50,010",
    "extract(text='t', fields=[long])": "fields: expected at most 3,000 characters, came 50,010",
    "translate(text=long, language='French')": "at most 6,000 characters to translate at once",
    "translate(text='t', language=long)": "language: expected at most 3,000 characters",
    "rag(question=long)": "question: expected at most 3,000 characters, came 50,010; ask one",
    "speak(text=long)": "the text has 50,010 characters, and at most 10,000 are said at once",
}


@pytest.mark.parametrize("call", REFUSED)
async def test_what_cannot_be_used_is_refused_before_a_model_is_asked(
    call: str, tools: list[Any]
) -> None:
    end, model = await ended(call, tools)
    assert end.status == "failed" and REFUSED[call] in end.failure.message
    assert model.requests == []


@pytest.mark.parametrize(
    ("call", "reply"),
    [
        ("ask(question='Who?', about=long)", "A guest."),
        ("summarize(text=long)", "Guests wear badges."),
        ("extract(text=long, fields=['colour'])", '{"colour": "yellow"}'),
        ("compute(task='total', values={'text': long})", "result = 3"),
    ],
)
async def test_a_text_is_cut_to_what_the_model_reads_and_it_is_told(
    call: str, reply: str, tools: list[Any]
) -> None:
    end, model = await ended(call, tools, reply, reply, task=LONG)
    assert end.status == "value"
    asked = model.requests[0].messages[-1].content
    assert "(cut; 50,00" in asked and len(asked) < 9_500


async def test_a_search_takes_as_many_words_as_come(tools: list[Any]) -> None:
    """A transcript is a query too."""
    end, _ = await ended("search(query=long)", tools)
    assert [hit["source"] for hit in end.value] == ["visitors.md"]
