"""Plans show themselves in a notebook, which asks for `_repr_svg_` and `_repr_html_`."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from agentkit import Agent, tool
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel
from tests.huge import LONG

pytestmark = pytest.mark.anyio
SVG = "{http://www.w3.org/2000/svg}"


@tool(effect="read")
async def look(n: int) -> int:
    """Look."""
    return n


def agent(plan: str) -> Agent[Any]:
    return Agent(model=ScriptedModel(), planner=Fixed(plan), tools=[look], store="memory")


def shown(what: Any, form: str) -> str:
    """What a notebook shows of it."""
    return getattr(what, f"_repr_{form}_")()


async def test_the_plan_of_a_run_is_a_drawing_that_colours_nothing_else() -> None:
    run = await agent('a = look(n=1)\nanswer(f"{a}")').run("Look.")
    drawn = ElementTree.fromstring(shown(run.plan, "svg"))
    assert [box.get("href") for box in drawn.iter(f"{SVG}a")] == ["#a", "#answer"]
    style = drawn.findtext(f"{SVG}style") or ""
    rules = [line for line in style.splitlines() if line and line[0] not in "@}"]
    assert rules and all(line.startswith(".plan ") for line in rules)


async def test_a_draft_is_its_drawing_with_its_problems_and_still_a_pair() -> None:
    draft = await agent("a = lok(n='x')\nb = look(n='<script>\u202e')").plan("Look.")
    plan, problems = draft
    assert plan == draft.plan and len(problems) == 2
    html = shown(draft, "html")
    assert html.startswith("<svg ") and html.count("<li>") == 2
    assert "unknown_tool: expected a tool; found" in html
    assert "<script" not in html and "\u202e" not in html


async def test_a_plan_with_ten_megabytes_is_still_a_drawing() -> None:
    draft = await agent(f"a = look(n={LONG!r})\nb = look(n=1)\nanswer({LONG!r})").plan("Look.")
    for what, form in ((draft, "html"), (draft.plan, "svg")):
        drawn = shown(what, form)
        assert len(drawn) < 50_000 and "\u202e" not in drawn and "\x1b" not in drawn
