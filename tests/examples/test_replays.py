"""Runs of the examples replay identically: here those that need no language model.

The others do so in test_with_the_model.py, where one worker has the model.
"""

from __future__ import annotations

import asyncio
import os
import runpy
import sys
from pathlib import Path
from typing import Any

from agentkit import Agent, open_store
from agentkit.testing import ScriptedModel
from tests.processes import finished

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def example(folder: Path, name: str, *arguments: str) -> str:
    """What an example prints, and its replay."""
    done = finished(
        [sys.executable, "-m", "tests.examples.replayed", str(EXAMPLES / name), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_planner_of_ones_own_replays(tmp_path: Path) -> None:
    assert "identical: " in example(tmp_path, "own_planner.py")


def test_a_reviewed_plan_replays(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "receipt.png").write_bytes((EXAMPLES / "data" / "receipt.png").read_bytes())
    shown = example(tmp_path, "nightly_report.py", "inbox", "reports")
    assert "94.00 euros" in shown and "identical: " in shown


def replayed(example: str, tool: str, *replies: str) -> Any:
    """A run with a tool of the example and a model that says this; it is replayed."""
    found = runpy.run_path(str(EXAMPLES / example), run_name="example")[tool]

    async def run() -> Any:
        store = open_store("memory")
        agent = Agent(model=ScriptedModel(replies=replies), tools=[found], store=store)
        answered = await agent.run("Work it out.")
        assert (await agent.replay(answered.id)).events > 5
        await store.close()
        return answered.answer

    return asyncio.run(run())


def test_a_tool_of_ones_own_replays() -> None:
    plan = 'a = to_euros(amount=250.0, currency="USD")\nb = to_euros(amount=-1.0, currency="GBP")\n'
    answer = replayed("custom_tool.py", "to_euros", f"{plan}answer(using=[a, b])", "", "230 euros.")
    assert answer == "230 euros."


def test_a_model_of_ones_own_replays() -> None:
    plan = "vat = value_added_tax(net=1250.0, rate=19.0)\nanswer(f'{vat}')"
    assert "237.50" in replayed("bring_your_model.py", "value_added_tax", plan)
