"""Hostile text: the reader never raises, never loses its place, and its work stays linear."""

from __future__ import annotations

import sys
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.plan.graph import Patch, Plan
from agentkit.plan.parse import MAX_STATEMENT, Statement, StatementReader
from agentkit.plan.problem import Problem
from agentkit.plan.program import ProgramReader, parse_program
from benchmarks.hostile_kinds import KINDS

TOKENS = (
    "x y _a search( answer( observe( python( if else elif: for in : = == := ( ) [ ] { } ' \" "
    "''' \"\"\" f' f\" { } \\ # ``` ```python , . * ** -1 0x1 1e9 None lambda not and or is "
    "import def class return while try yield await async \0 \t \r \n é ﬁ \ud800 $ ? ! ; @ ..."
).split(" ")
WORDS = st.sampled_from([*TOKENS, " ", "\n", "\n", "\n    ", "\n  "])
PYTHON = st.lists(WORDS, max_size=40).map("".join)


@settings(max_examples=300)
@given(PYTHON | st.text() | st.lists(WORDS, max_size=40).map(" ".join))
def test_any_text_ends_in_patches_and_located_problems(text: str) -> None:
    patches, problems = parse_program(text, {})
    lines = text.count("\n") + text.count("\r") + text.count("\f") + 1
    for problem in problems:
        assert 1 <= problem.at.line <= lines
        assert problem.at.column >= 1
    assert all(patch.add or patch.answer for patch in patches)


@settings(max_examples=200)
@given(PYTHON, st.integers(1, 7))
def test_the_pieces_in_which_a_text_comes_make_no_difference(text: str, size: int) -> None:
    reader = ProgramReader({}, Plan())
    found: list[Patch | Problem] = []
    for start in range(0, len(text), size):
        found += reader.feed(text[start : start + size])
    found += reader.close()
    patches, problems = parse_program(text, {})
    assert [item for item in found if isinstance(item, Patch)] == patches
    assert [item for item in found if isinstance(item, Problem)] == problems


@settings(max_examples=200)
@given(st.lists(st.sampled_from(["a = 1", "b = f(\n  x)", "if a:\n    c = 2", "g(a)", "# note"])))
def test_each_statement_knows_its_line(parts: list[str]) -> None:
    text = "\n".join(parts)
    reader = StatementReader()
    for statement in reader.feed(text + "\n") + reader.close():
        assert isinstance(statement, Statement)
        lines = text.split("\n")[statement.line - 1 :]
        assert "\n".join(lines).startswith(statement.text)


@pytest.mark.parametrize("part", list(KINDS.values()), ids=list(KINDS))
def test_the_work_is_linear_in_hostile_text(part: str) -> None:
    def calls(count: int) -> int:
        """All that Python calls meanwhile; the time is measured by `benchmarks/hostile_text.py`."""
        made = 0

        def note(frame: FrameType, event: str, _: object) -> None:
            nonlocal made
            made += event in ("call", "c_call")

        reader, text = ProgramReader({}, Plan()), part * count
        sys.setprofile(note)
        try:
            for start in range(0, len(text), 100):
                reader.feed(text[start : start + 100])
            reader.close()
        finally:
            sys.setprofile(None)
        return made

    assert calls(2_400) < 10 * calls(300)  # 8 times the text


def test_a_statement_that_never_ends_is_a_problem_of_its_own() -> None:
    _, problems = parse_program("x = 1\ny = '''" + "a\n" * MAX_STATEMENT + "'''\nz = 2", {})
    assert [(problem.code, problem.at.line) for problem in problems] == [("limit", 2)]


@pytest.mark.parametrize(
    "text", ["[" * 90 + "]" * 90, "-" * 90 + "1", "a" + ".b" * 90, "-" * 20_000]
)
def test_nesting_beyond_the_limit_is_a_problem(text: str) -> None:
    _, problems = parse_program(f"x = {text}\ny = 1", {})
    assert [problem.at.line for problem in problems] == [1]


def test_a_carriage_return_ends_a_line_as_in_python() -> None:
    patches, problems = parse_program("x = 'é'\ry = é.b\r\nz = 'é' + )", {})
    assert [node.id for patch in patches for node in patch.add] == ["x", "y"]
    assert [problem.code for problem in problems] == ["syntax"]
