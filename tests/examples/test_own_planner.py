"""examples/own_planner.py: a planner without a model, over a recording and a picture."""

from __future__ import annotations

from pathlib import Path

from tests.examples.process import EXAMPLES, REPLAYED, started


def test_words_of_a_recording_and_a_picture_are_counted(tmp_path: Path) -> None:
    done = started(tmp_path, *REPLAYED, str(EXAMPLES / "own_planner.py"))
    assert (done.returncode, "identical" in done.stderr) == (0, True), done.stderr
    assert 80 < int(done.stdout.rpartition("in all: ")[2]) < 120, done.stdout
