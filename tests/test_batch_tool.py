"""Tools whose calls are made as one: what one item is, to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from agentkit.errors import UsageError
from agentkit.media import Image
from agentkit.tool import tool
from agentkit.types import Json
from tests.test_tool import CONTEXT, Point


def test_a_batch_is_seen_as_one_item() -> None:
    @tool(batch=8)
    def norms(points: Sequence[Point]) -> list[float | ValueError]:
        return [abs(p.x) + abs(p.y) for p in points]

    assert cast("dict[str, Json]", norms.input_schema["properties"]).keys() == {"x", "y"}
    assert norms.input_schema["required"] == ["x"]
    assert norms.output_schema == {"type": "number"}
    items = [norms.prepare({"x": x, "y": 1}, CONTEXT)["points"] for x in (1, 2)]
    assert [norms.finish(one, CONTEXT) for one in norms.function(points=items)] == [2.0, 3.0]
    with pytest.raises(ValueError, match="argument z: there is no such parameter"):
        norms.prepare({"x": 1, "z": 1}, CONTEXT)


def test_items_without_fields_are_the_one_argument() -> None:
    @tool(batch=8)
    def lengths(text: Sequence[str]) -> list[int]:
        """Lengths.

        Args:
            text: What is measured.
        """
        return [len(one) for one in text]

    assert lengths.input_schema["properties"] == {
        "text": {"type": "string", "description": "What is measured."}
    }
    assert lengths.input_schema["required"] == ["text"]
    assert lengths.prepare({"text": "abc"}, CONTEXT) == {"text": "abc"}
    assert lengths.function(text=["abc", "d"]) == [3, 1]
    with pytest.raises(ValueError, match="argument text: "):
        lengths.prepare({"text": 1}, CONTEXT)


def test_a_file_is_one_argument_and_not_the_fields_of_its_handle() -> None:
    @tool(batch=8)
    def sizes(image: list[Image]) -> list[int]:
        return [one.stat().st_size for one in image]

    properties = cast("dict[str, dict[str, Json]]", sizes.input_schema["properties"])
    assert [*properties] == ["image"]
    assert properties["image"]["contentMediaType"] == "image/*"


def test_a_batch_cannot_be_gathered_in_another_process() -> None:
    def sizes(points: Sequence[Point]) -> list[int]:
        return [point.x for point in points]

    with pytest.raises(UsageError, match="batch= gathers calls in this process"):
        tool(batch=2, runs="process")(sizes)
