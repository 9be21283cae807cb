"""docs/cli.md is what `--help` says today."""

from __future__ import annotations

from tests.house.cli_page import PAGE, page


def test_the_page_is_what_help_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "docs/cli.md is old; write it anew: make docs"
