"""examples/own_planner.py: a planner without a model, over a recording and a picture."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_words_of_a_recording_and_a_picture_are_counted() -> None:
    main = runpy.run_path(str(EXAMPLES / "own_planner.py"), run_name="example")["main"]
    assert 80 < int(main()) < 120
