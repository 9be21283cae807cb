"""Examples that the embedded model runs, as a user runs them: their facts, that one goes on where
it is killed, and that their runs replay. `make torture` kills the demo too.

One file, so that one worker has them all: the model takes every core.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from agentkit.models.catalog import cache_folder, entry, present
from agentkit.store import open_store
from tests.examples.process import DEMO, EXAMPLES, REPLAY, REPLAYED, finished, killed, started

COST = "195"
REPORT = str(EXAMPLES / "nightly_report.py")
AGENTKIT = (sys.executable, "-W", "error", "-m", "agentkit", "run", REPORT)
PYTHON = (*REPLAYED, REPORT)
REPORT_SECONDS = 8.0
"""About the middle of a run on a machine with nothing else to do."""

with_the_model = pytest.mark.skipif(
    not present(entry("qwen2.5-coder-1.5b"), cache_folder()),
    reason="the model is not on this machine: agentkit models pull",
)


@with_the_model
def test_the_facts_are_right(tmp_path: Path) -> None:
    shown = finished(DEMO, tmp_path)
    briefing = (tmp_path / "briefing.md").read_text("utf-8")
    answer, _, sources = briefing.partition("Sources:")
    assert COST in answer, shown
    assert "rooms-and-equipment.txt" in sources, shown
    plan = [line for line in shown.splitlines() if line.startswith("  plan")]
    tools = ("transcribe(", "read_image(", "search(", "compute(", "answer(")
    assert all(any(tool in line for line in plan) for tool in tools), shown
    assert "order_text.text" in shown, "no result of one tool was used by the next"
    assert "At the same time ran: order_text and voucher_text" in shown
    assert "identical" in finished(REPLAY, tmp_path)


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
    killed(AGENTKIT, tmp_path, REPORT_SECONDS)
    done = started(tmp_path, *PYTHON)
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


def test_what_cannot_be_paid_is_said_and_the_rest_is_paid(tmp_path: Path) -> None:
    inbox, whole = tmp_path / "inbox", (EXAMPLES / "data" / "receipt.png").read_bytes()
    inbox.mkdir()
    (inbox / "receipt-1.png").write_bytes(whole)
    (inbox / "receipt-2.png").write_bytes(whole[: len(whole) // 2])
    (inbox / "receipt-3.png").write_bytes((EXAMPLES / "data" / "canteen.png").read_bytes())
    done = started(tmp_path, *AGENTKIT, "inbox", "reports")
    assert (done.returncode, done.stdout) == (1, "")
    report = f"reports/{date.today()}.md"
    assert done.stderr == f"error: not everything could be paid; {report} says why\n"
    _, _, first, second, third = (tmp_path / report).read_text().splitlines()
    assert first.startswith("- receipt-1.png: 94.00 euros; 4 guests")
    assert second.startswith("- receipt-2.png: 0.00 euros; not paid: the picture is damaged")
    assert third.startswith("- receipt-3.png: 0.00 euros; not paid: there is no total in: Canteen")


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
