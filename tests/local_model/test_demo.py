"""The demo, as a user runs it: its facts, and that its run replays. `make torture` kills it too."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentkit.models.catalog import cache_folder, entry, present
from tests.examples.process import DEMO, REPLAY, finished

COST = "195"


@pytest.mark.skipif(
    not present(entry("qwen2.5-coder-1.5b"), cache_folder()),
    reason="the model is not on this machine: agentkit models pull",
)
def test_the_facts_are_right(tmp_path: Path) -> None:
    shown = finished(DEMO, tmp_path)
    briefing = (tmp_path / "briefing.md").read_text("utf-8")
    answer, _, sources = briefing.partition("Sources:")
    assert COST in answer, shown
    assert "$" not in answer and any(unit in answer.casefold() for unit in ("eur", "€")), shown
    assert "rooms-and-equipment.txt" in sources, shown
    plan = [line for line in shown.splitlines() if line.startswith("  plan")]
    tools = ("transcribe(", "read_image(", "search(", "compute(", "answer(")
    assert all(any(tool in line for line in plan) for tool in tools), shown
    assert "order_text.text" in shown, "no result of one tool was used by the next"
    assert "At the same time ran: order_text and voucher_text" in shown
    assert "identical" in finished(REPLAY, tmp_path)
