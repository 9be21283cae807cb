"""50,000 characters where a few words about a picture were expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel
from agentkit.tools import generate_image, image_text_similarity, label_image, search_images

pytestmark = pytest.mark.anyio

LONG = "a yellow lemon with a green leaf, " * 1_500


async def ended(call: str, data: Path, index: Path) -> Any:
    """How the call ended."""
    drawings = data / "drawings"
    tools = [generate_image(), image_text_similarity(), label_image()]
    agent = Agent(
        model=ScriptedModel(),
        tools=[*tools, search_images(drawings, index=index)],
        planner=Fixed(f"x = {call}\nanswer('done')"),
        store="memory",
    )
    inputs = {"long": LONG, "picture": drawings / "01.png"}
    return (await agent.run("Any.", inputs=inputs)).outcomes["x"]


async def test_a_prompt_that_no_model_reads_is_refused(data: Path, tmp_path: Path) -> None:
    end = await ended("generate_image(prompt=long)", data, tmp_path)
    assert end.status == "failed"
    assert "the prompt has 51,000 characters, and at most 2,000 are taken" in end.failure.message


async def test_of_a_text_that_is_compared_the_beginning_counts(data: Path, tmp_path: Path) -> None:
    end = await ended("image_text_similarity(image=picture, text=long)", data, tmp_path)
    assert end.status == "value" and end.value["sureness"] > 0.5
    end = await ended("label_image(image=picture, labels=[long, 'dog'])", data, tmp_path)
    assert end.value[0]["label"] == LONG.strip()
    end = await ended("search_images(query=long, k=1)", data, tmp_path)
    assert end.value["pictures"][0]["source"] == "01.png"
