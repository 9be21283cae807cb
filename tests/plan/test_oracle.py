"""A public type checker over the stubs says the same of a plan as the check does.

The plans become the bodies of functions behind the tools' stubs, and mypy reads that file: it
must complain about exactly the lines in which the check finds problems.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from mypy import api
from pydantic import BaseModel

from agentkit.media import Audio, Image, handle_schema
from agentkit.plan.check import check_patch
from agentkit.plan.graph import Plan
from agentkit.plan.program import parse_program
from agentkit.plan.scope import empty_scope
from agentkit.plan.stubs import stubs
from agentkit.tool import Tool, as_tool

from .oracle_plans import DIFFERENT, SOUND, WRONG


class Hit(BaseModel):
    text: str
    score: float
    title: str | None = None


class Segment(BaseModel):
    text: str


class Talk(BaseModel):
    text: str
    segments: list[Segment]


class Seen(BaseModel):
    text: str
    lines: list[str]


def search(query: str, k: int = 5, mode: Literal["fast", "exact"] = "fast") -> list[Hit]: ...
def transcribe(audio: Audio) -> Talk: ...
def read_image(image: Image) -> Seen: ...
def draw(prompt: str) -> Image: ...
def summarize(text: str, sentences: int = 3) -> str: ...
def translate(text: str) -> str: ...
def total(lines: list[float]) -> float: ...
def weigh(hit: Hit) -> float: ...
def count(texts: list[str]) -> dict[str, int]: ...
def anything(value: Any) -> Any: ...


FUNCTIONS: list[Any] = [
    search, transcribe, read_image, draw, summarize, translate, total, weigh, count, anything
]  # fmt: skip
TOOLS: dict[str, Tool] = {tool.name: tool for tool in map(as_tool, FUNCTIONS)}
INPUTS: dict[str, Any] = {
    "call": handle_schema("audio/*"),
    "photo": handle_schema("image/*"),
    "topic": {"type": "string"},
    "limit": {"type": "integer"},
    "prices": {"type": "array", "items": {"type": "number"}},
}
PRELUDE = """\
from dataclasses import dataclass
from typing import Any, Literal

class Artifact: ...
class Audio(Artifact): ...
class Image(Artifact): ...

def answer(text: str = "", *, using: object = None) -> None: ...

"""
HEAD = "def plan(call: Audio, photo: Image, topic: str, limit: int, prices: list[float]) -> None:"


def wrong_lines(text: str) -> set[int]:
    """The lines of a plan in which the check finds something wrong."""
    patches, problems = parse_program(text, TOOLS, Plan(inputs=INPUTS))
    scope = empty_scope(Plan(inputs=INPUTS), TOOLS)
    for patch in patches:
        checked = check_patch(scope, patch)
        problems += checked.problems
        scope = checked.scope
    return {problem.at.line for problem in problems}


@pytest.fixture(scope="module")
def mypy_lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[int]]:
    """For every plan, the lines that mypy refuses; one run for all of them."""
    plans = [*SOUND, *(text for text, _ in WRONG), *(text for text, _ in DIFFERENT)]
    lines = (PRELUDE + stubs(TOOLS)).splitlines()
    starts: dict[int, str] = {}
    for number, text in enumerate(plans):
        lines += ["", HEAD.replace("plan", f"plan_{number}")]
        starts[len(lines)] = text
        lines += [f"    {line}" for line in text.splitlines()]
    folder: Path = tmp_path_factory.mktemp("oracle")
    (folder / "plans.py").write_text("\n".join(lines) + "\n")
    output = api.run(
        [
            "--config-file=",
            "--disable-error-code=empty-body",
            f"--cache-dir={folder / 'cache'}",
            str(folder / "plans.py"),
        ]
    )[0]
    found: dict[str, set[int]] = {text: set() for text in plans}
    for line in output.splitlines():
        place, _, message = line.partition(": error: ")
        if message:
            at = int(place.rpartition(":")[2])
            start = max((start for start in starts if start < at), default=0)
            assert start, f"mypy refuses the stubs themselves: {line}"
            found[starts[start]].add(at - start)
    return found


@pytest.mark.parametrize("text", SOUND)
def test_sound_plans_are_sound_to_both(text: str, mypy_lines: dict[str, set[int]]) -> None:
    assert wrong_lines(text) == set()
    assert mypy_lines[text] == set()


@pytest.mark.parametrize(("text", "line"), WRONG)
def test_wrong_plans_are_wrong_to_both(
    text: str, line: int, mypy_lines: dict[str, set[int]]
) -> None:
    assert wrong_lines(text) == {line}
    assert mypy_lines[text] == {line}


@pytest.mark.parametrize(("text", "taken"), DIFFERENT)
def test_where_the_check_differs_on_purpose(
    text: str, taken: bool, mypy_lines: dict[str, set[int]]
) -> None:
    assert (not wrong_lines(text)) is taken
    assert (not mypy_lines[text]) is not taken


def test_every_pure_function_has_a_type() -> None:
    from agentkit.plan import builtins, purity

    assert builtins.FUNCTIONS.keys() == purity.FUNCTIONS.keys()
