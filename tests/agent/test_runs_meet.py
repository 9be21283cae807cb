"""Runs of one process share the batches of their tools."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentkit import Agent, tool
from agentkit.errors import RunError
from agentkit.planners import Fixed
from agentkit.run import Run
from agentkit.testing.virtual_time import VirtualTimeLoop

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Time jumps, so that nothing here waits."""
    return "asyncio", {"loop_factory": VirtualTimeLoop}


@dataclass(frozen=True)
class Page:
    """An item of a batch."""

    number: int


async def test_of_64_runs_with_one_poisoned_call_63_answer_and_one_says_why() -> None:
    sizes: list[int] = []

    @tool(effect="pure", batch=64, resources={"gpu": 1})
    async def label(pages: Sequence[Page]) -> list[str]:
        """Takes a second, and chokes on page 40."""
        sizes.append(len(pages))
        await asyncio.sleep(1)
        if any(page.number == 40 for page in pages):
            raise ValueError("page 40 is no picture")
        return [f"label {page.number}" for page in pages]

    planner = Fixed('found = label(number=n)\nanswer(f"{found}")')
    agents = [
        Agent(name=name, model="test:", tools=[label], planner=planner, store="memory")
        for name in ("ann", "bob")
    ]
    runs = await asyncio.gather(
        *(agents[n % 2].run("Label it.", inputs={"n": n}) for n in range(64)),
        return_exceptions=True,
    )
    answers = [run.answer if isinstance(run, Run) else None for run in runs]
    assert answers == [None if n == 40 else f"label {n}" for n in range(64)]
    assert isinstance(runs[40], RunError) and "page 40 is no picture" in str(runs[40])
    assert max(sizes) > 32, "calls of both agents' runs were made as one"
    assert not label.meetings


def test_the_runs_of_an_agent_have_the_same_tools_also_those_that_it_names(tmp_path: Path) -> None:
    def plain(n: int) -> int:
        """A number."""
        return n

    inner = Agent(name="inner", model="test:", tools=[plain])
    agent = Agent(model="test:", tools=["python", plain, inner])
    first, second = agent.equipped(tmp_path), agent.equipped(tmp_path)
    assert [*first] == ["python", "plain", "inner"]
    assert all(first[name] is second[name] for name in first)
    assert agent.equipped(tmp_path / "other")["python"] is not first["python"]
