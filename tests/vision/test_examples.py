"""Examples that draw, look at pictures and caption them, run as a user runs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentkit.models.catalog import cache_folder, entry, present
from tests.examples.process import EXAMPLES, REPLAYED, finished, started


def example(name: str, folder: Path, *arguments: str) -> str:
    return finished((*REPLAYED, str(EXAMPLES / name), *arguments), folder)


def test_pictures_are_found_by_what_they_show_and_kept_where_that_is_sure(tmp_path: Path) -> None:
    done = started(tmp_path, *REPLAYED, str(EXAMPLES / "photo_search.py"))
    assert (done.returncode, done.stderr.count("identical")) == (0, 3), done.stderr
    lemon, wheel, castle = done.stdout.splitlines()
    assert lemon == "lemon: 01.png, kept; notes.md tells of it in line 7"
    assert wheel == "ferris wheel: 06.png, kept; notes.md tells of it in line 3"
    assert castle.startswith("castle: nothing surely; nearest is")


def test_from_a_picture_to_words_and_back(tmp_path: Path) -> None:
    shown = example("round_trip.py", tmp_path)
    assert re.match(r"It shows: \w.* What was drawn from these words shows: \w", shown)
    assert re.search(r"drawn: .*, [\d,]+ bytes", shown)


@pytest.mark.skipif(
    not present(entry("qwen2.5-coder-1.5b"), cache_folder()),
    reason="the model is not on this machine: agentkit models pull",
)
def test_a_recording_becomes_an_illustrated_page(tmp_path: Path) -> None:
    assert example("podcast_card.py", tmp_path).startswith("card.html: automobile, drawn")
    page = (tmp_path / "card.html").read_text("utf-8")
    assert "I drove my own car, 240 kilometers" in page
    assert "0.42 euros per kilometre" in page and "travel-policy.md" in page
    assert page.count('<img alt="automobile" src="data:image/png;base64,') == 1
