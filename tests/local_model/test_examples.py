"""Examples in which the language model does a whole task, run as a user runs them.

Their facts are right, one goes on where it is killed, and their runs replay. One process has them
all: the model takes every core.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from agentkit.models.catalog import cache_folder, entry, present
from agentkit.store import open_store
from tests.examples.process import EXAMPLES, NIGHTLY, REPLAYED, REPORT, killed, started

REPORT_SECONDS = 8.0
"""About the middle of a run on a machine with nothing else to do."""

with_the_model = pytest.mark.skipif(
    not present(entry("qwen2.5-coder-1.5b"), cache_folder()),
    reason="the model is not on this machine: agentkit models pull",
)


def reported(reports: Path) -> tuple[list[str], Counter[str]]:
    """How the runs ended, and how often each node did."""

    async def read() -> tuple[list[str], Counter[str]]:
        store = open_store(reports / ".agentkit")
        runs = await store.journal.runs()
        events = [event for run in runs for event in await store.journal.events(run.run)]
        await store.close()
        nodes = Counter(event.node or "" for event in events if event.type == "node.ended")
        return [run.status for run in runs], nodes

    return asyncio.run(read())


@with_the_model
def test_cut_off_and_started_again_it_reports_what_is_paid(tmp_path: Path) -> None:
    killed(NIGHTLY, tmp_path, REPORT_SECONDS)
    done = started(tmp_path, *REPLAYED, REPORT)
    day, reports = date.today().isoformat(), tmp_path / "reports"
    assert (done.returncode, done.stdout) == (0, f"194.80 euros: reports/{day}.md\n"), done.stderr
    total, _, receipt, trip = (reports / f"{day}.md").read_text().splitlines()
    assert total == "# 194.80 euros"
    assert receipt == "- receipt.png: 94.00 euros; 4 guests, at most 45 euros each"
    assert trip.startswith("- trip.flac: 100.80 euros; 240 km at 0.42 euros; said: Hi, this is Tom")
    assert (reports / "index.md").read_text() == f"- [{day}]({day}.md)\n"
    statuses, nodes = reported(reports)
    assert set(statuses) == {"answered"}
    assert set(nodes.values()) == {len(statuses)}


@with_the_model
@pytest.mark.parametrize(
    ("example", "facts"),
    [
        ("custom_tool.py", ["230", "93.6", "to_euros"]),
        ("typed_answer.py", ["130.80"]),
        ("rag_hot_swap.py", ["2025: 0.42 euros", "2026: 0.48 euros", "travel.md, character 11"]),
    ],
)
def test_an_example_has_its_facts_right(example: str, facts: list[str], tmp_path: Path) -> None:
    done = started(tmp_path, *REPLAYED, str(EXAMPLES / example))
    assert (done.returncode, "identical" in done.stderr) == (0, True), done.stderr
    assert all(fact in done.stdout for fact in facts), done.stdout


def test_a_model_behind_http_answers(tmp_path: Path) -> None:
    if not present(entry("qwen2.5-coder-0.5b"), cache_folder()):
        pytest.skip("the model is not on this machine: agentkit models pull qwen2.5-coder-0.5b")
    done = started(tmp_path, *REPLAYED, str(EXAMPLES / "bring_your_model.py"))
    assert (done.returncode, "identical" in done.stderr) == (0, True), done.stderr
