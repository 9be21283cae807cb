"""Other documents, another answer: nothing is trained.

    python examples/rag_hot_swap.py

The same agent is asked the same question about two editions of a travel policy. It answers from the
passages it finds, names where they stand, and refuses what they do not say.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, cast

from agentkit import Agent
from agentkit.planners import Fixed
from agentkit.tools import rag

EDITIONS = {
    "2025": "# Own car\n\nThe company pays 0.42 euros for each kilometre with one's own car.",
    "2026": "# Own car\n\nThe company pays 0.48 euros for each kilometre with one's own car.",
    "bikes": "# Bicycles\n\nBicycles are lent by the front desk and are brought back at night.",
}
QUESTION = "How much does the company pay per kilometre with one's own car?"
PLAN = Fixed("found = rag(question=asked)\nanswer(f'{found.text}')")


def answered(folder: Path, index: Path) -> str:
    """The answer from that folder, and where it stands."""
    agent = Agent(tools=[rag(folder, index=index)], planner=PLAN, store="memory")
    run = agent.run_sync(QUESTION, inputs={"asked": QUESTION})
    found = cast("dict[str, Any]", run.outcomes["found"].value)
    places = [f"{hit['source']}, character {hit['offset']}" for hit in found["citations"]]
    return f"{found['text']} ({'; '.join(places) or 'nothing cited'})"


def main() -> None:
    """Asks about each edition in turn."""
    with tempfile.TemporaryDirectory() as place:
        for edition, text in EDITIONS.items():
            folder = Path(place, edition)
            folder.mkdir()
            (folder / "travel.md").write_text(text, "utf-8")
            print(f"{edition}: {answered(folder, Path(place, 'index'))}")


if __name__ == "__main__":
    main()
