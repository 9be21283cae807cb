"""`agentkit submit` and its times. That a worker carries the run on is in test_worker.py."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agentkit.cli import main
from agentkit.cli.chosen import build, from_origin
from agentkit.cli.stored import events_of
from tests.cli.process import AGENTS


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("2030-07-01T12:00", 1909130400.0),
        ("2030-01-01T12:00", 1893495600.0),
        ("2030-07-01T12:00Z", 1909137600.0),
    ],
)
def test_a_time_without_an_offset_is_of_this_machine(
    given: str,
    seconds: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TZ", "Europe/Prague")
    time.tzset()
    try:
        agent = f"{AGENTS}:talking"
        assert (
            main(["submit", "Go.", "--agent", agent, "--at", given, "--store", str(tmp_path)]) == 0
        )
    finally:
        monkeypatch.undo()
        time.tzset()
    out, err = capsys.readouterr()
    (created,) = events_of(str(tmp_path), out.strip())
    assert created.data["wake_at"] == seconds
    assert "begins at 2030-0" in err


@pytest.mark.parametrize("more", [(), ("--limit", "nodes=9")])
def test_a_worker_elsewhere_finds_the_agents_file(
    tmp_path: Path, more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here := tmp_path / "here").mkdir()
    (tmp_path / "mine.py").write_text(AGENTS.read_text())
    monkeypatch.chdir(here)
    store = str(tmp_path / "store")
    assert main(["submit", "Go.", "--agent", "../mine.py:talking", "--store", store, *more]) == 0
    (created,) = events_of(store, "last")
    assert main(["submit", "Go.", "--tool", "files", "--docs", ".", "--store", store, *more]) == 0
    built_in = from_origin(str(events_of(store, "last")[0].data["origin"]), store)
    assert (built_in.tools, built_in.docs) == ((f"files:{here}",), str(here))
    monkeypatch.chdir(tmp_path.parent)
    chosen = from_origin(str(created.data["origin"]), store)
    assert build(chosen, {}, asking=False).origin == created.data["origin"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--at", "noon"], "expected a time like 2026-12-24T18:00"),
        (["--after", "soon"], "expected a time like 30d"),
        (["--value", "n=NaN"], "expected a finite number; got NaN"),
        (["--value", "n=[1, 1e999]"], "expected a finite number; got 1e999"),
        (["--after", "999999999d"], "no date any more"),
        (["--at", "2030-01-01", "--after", "1d"], "drop one of them"),
    ],
)
def test_a_time_or_a_number_that_is_none_submits_nothing(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "Go.", "--store", str(tmp_path / "store"), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "store").exists()
