"""Tools as Python stubs: short, valid Python, with the names that the check uses."""

from __future__ import annotations

import ast
from typing import Any, Literal

from pydantic import BaseModel

from agentkit.media import Audio
from agentkit.plan.stubs import stubs
from agentkit.tool import Tool, as_tool, from_schema, tool
from agentkit.types import Json, Schema


class Segment(BaseModel):
    start_s: float
    text: str


class Talk(BaseModel):
    text: str
    segments: list[Segment]
    replies: list[Talk] = []


@tool
def transcribe(audio: Audio, language: str | None = None) -> Talk:
    """What is said in a recording, with "times"
    of its segments.

    Longer explanations cost tokens.
    """
    raise NotImplementedError


@tool
def pick(mode: Literal["fast", "exact"], talks: list[Talk], k: int = 3) -> dict[str, float]:
    raise NotImplementedError


def named(*tools: Tool[..., Any]) -> dict[str, Tool]:
    return {one.name: as_tool(one) for one in tools}


def test_stubs_are_signatures_and_classes() -> None:
    assert stubs(named(transcribe, pick)) == (
        "@dataclass\n"
        "class Segment:\n"
        "    start_s: float\n"
        "    text: str\n"
        "\n"
        "@dataclass\n"
        "class Talk:\n"
        "    text: str\n"
        "    segments: list[Segment]\n"
        "    replies: list[Talk]\n"
        "\n"
        "def transcribe(audio: Audio, language: str | None = None) -> Talk:\n"
        '    "What is said in a recording, with \\"times\\" of its segments."\n'
        "\n"
        "def pick(mode: Literal['fast', 'exact'], talks: list[Talk], k: int = 3)"
        " -> dict[str, float]: ..."
    )


def raw(name: str, schema: Schema, description: str = "") -> Tool:
    def call(**arguments: Any) -> Any: ...

    return from_schema(call, name=name, description=description, input_schema=schema)


def test_odd_schemas_still_give_valid_python() -> None:
    point: dict[str, Json] = {
        "type": "object",
        "properties": {"x": {"type": "number"}, "class": {"type": "string"}},
    }
    other: dict[str, Json] = {
        "type": "object",
        "title": "Talk",
        "properties": {"n": {"type": "integer"}},
    }
    text = stubs(
        named(
            transcribe,
            raw(
                "odd",
                {
                    "type": "object",
                    "properties": {
                        "start": {"type": "integer"},
                        "max-results": {"type": "integer"},
                        "where": point,
                        "talk": other,
                    },
                    "required": ["where"],
                },
                "Back\\slash.",
            ),
            raw("anything", {"type": "object"}),
        )
    )

    ast.parse(text)
    assert "class OddWhere:\n    x: float\n    # 'class': str" in text
    assert "class Talk2:\n    n: int" in text
    assert "def odd(*, start: int = ..., where: OddWhere, talk: Talk2 = ..., **others: Any)" in text
    assert "Also **{'max-results': int}." in text
    assert "def anything(**others: Any) -> Any: ..." in text


def test_a_long_description_is_cut_at_a_word() -> None:
    text = stubs(named(raw("wordy", {"type": "object"}, "word " * 100)))
    assert len(text) < 230 and "word…" in text
