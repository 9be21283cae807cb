"""examples/api_document.py: an API used by its document alone."""

from __future__ import annotations

from pathlib import Path

from tests.examples.process import EXAMPLES, REPLAYED, started


def test_a_room_is_found_through_the_api(tmp_path: Path) -> None:
    done = started(tmp_path, *REPLAYED, str(EXAMPLES / "api_document.py"))
    assert (done.returncode, "identical" in done.stderr) == (0, True), done.stderr
    assert done.stdout == "Cedar has 30 seats.\n"
