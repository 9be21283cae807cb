"""`agentkit store prune` and `agentkit store gc`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from agentkit.cli import main
from agentkit.events import Event
from agentkit.store import open_store


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with an old run that was answered, one that waits, and their long tasks."""

    async def write() -> None:
        opened = open_store(tmp_path / "store", sync="process")
        for run, status in (("old", "answered"), ("waits", "paused")):
            created = {"task": f"{run} " * 1000}
            opened.journal.append(Event(run, 1, 0.0, "run.created", data=created))
            opened.journal.append(Event(run, 2, 0.0, "run.ended", data={"status": status}))
        await opened.close()

    asyncio.run(write())
    for path in (tmp_path / "store" / "artifacts").glob("*/*"):
        os.utime(path, (0, 0))
    return str(tmp_path / "store")


def test_old_runs_go_and_then_what_they_stored(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["store", "prune", "--older-than", "30d", "--dry-run", "--store", store]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("old\n", "1 run would be forgotten\n")
    assert main(["store", "prune", "--older-than", "30d", "--store", store]) == 0
    assert capsys.readouterr().out == "old\n"
    assert main(["runs", "--store", store]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["waits"]
    assert main(["store", "gc", "--store", store]) == 0
    assert capsys.readouterr().err.startswith("1 artifact (")
    assert main(["store", "gc", "--grace", "0s", "--store", store]) == 0
    assert capsys.readouterr().err.startswith("0 artifacts (")
    assert main(["show", "waits", "--store", store]) == 0


def test_the_newest_runs_can_be_kept(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "prune", "--older-than", "1h", "--keep", "2", "--store", store]) == 0
    assert capsys.readouterr().err.startswith("0 runs forgotten")


@pytest.mark.parametrize("age", ["30", "d", "-1d", "1 week", ""])
def test_an_age_has_a_unit(age: str, store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "prune", f"--older-than={age}", "--store", store]) == 2
    assert "expected a time like 30d" in capsys.readouterr().err


def test_there_must_be_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "gc", "--store", str(tmp_path / "none")]) == 2
    assert "there are no runs" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
