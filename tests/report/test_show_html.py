"""`agentkit show RUN --html FILE`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agentkit.cli import main
from agentkit.store import open_store
from tests.cli.runs import briefing
from tests.report.page import Page, sound


@pytest.fixture
def store(tmp_path: Path) -> str:
    async def write() -> None:
        opened = open_store(tmp_path / "store", sync="process")
        for event in briefing():
            opened.journal.append(event)
        await opened.close()

    asyncio.run(write())
    return str(tmp_path / "store")


def test_a_file_and_standard_output_get_the_same_page(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.html"
    assert main(["show", "last", "--html", str(file), "--store", store]) == 0
    assert capsys.readouterr() == ("", f"written to {file}\n")
    assert main(["show", "20261123", "--html", "-", "--store", store]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (file.read_text("utf-8"), "")
    page = Page(out)
    sound(page)
    assert page.root.one("h1").text == "Write the briefing"
    assert [page.status(name) for name in "abc"] == ["value", "failed", "skipped"]
    assert "made by agentkit" in page.root.one("footer").text


def test_a_run_or_a_file_that_is_not_there_is_a_usage_error(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "nope", "--html", "-", "--store", store]) == 2
    assert "there is no run 'nope'" in capsys.readouterr().err
    nowhere = str(tmp_path / "no" / "run.html")
    assert main(["show", "last", "--html", nowhere, "--store", store]) == 2
    out, err = capsys.readouterr()
    assert out == "" and f"cannot write {nowhere}: No such file or directory" in err
