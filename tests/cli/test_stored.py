"""`agentkit runs` and `agentkit show`, over a journal on disk."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agentkit.cli import main
from agentkit.store import open_store
from tests.cli.runs import Script, briefing


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with one run that was answered and a newer one that failed."""
    failed = Script("20261124-2")
    failed.add("run.created", task="Find \x1b[31mnothing", inputs={}, tools=[])
    failed.add("run.ended", status="failed", error="the model said nothing", kind="ModelError")

    async def write() -> None:
        opened = open_store(tmp_path / "store", sync="process")
        for event in (*briefing(), *failed.events):
            opened.journal.append(event)
        await opened.close()

    asyncio.run(write())
    return str(tmp_path / "store")


def test_runs_are_listed(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--store", store]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == {"20261123-1", "20261124-2"}
    assert any("answered" in line and "Write the briefing" in line for line in lines)
    assert any("Find \\x1b[31mnothing" in line for line in lines)


def test_failed_runs_alone(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--failed", "--json", "--store", store]) == 0
    assert [run["run"] for run in json.loads(capsys.readouterr().out)] == ["20261124-2"]


def test_a_limit_counts_the_runs_that_are_shown(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = Script("20261125-3")
    newer.add("run.created", task="Later", inputs={}, tools=[])
    newer.add("run.ended", status="answered", answer="done", cites=[])

    async def write() -> None:
        opened = open_store(store, sync="process")
        for event in newer.events:
            opened.journal.append(event)
        await opened.close()

    asyncio.run(write())
    assert main(["runs", "--failed", "--limit", "1", "--store", store]) == 0
    assert capsys.readouterr().out.startswith("20261124-2")


def test_show_tells_plan_steps_and_answer(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "20261123", "--store", store]) == 0
    shown = capsys.readouterr().out
    for part in ("answered", "a = search(query='fees')", "✗  b", "blocks c", "Three fees."):
        assert part in shown


def test_show_as_json_is_one_document(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "20261123-1", "--json", "--store", store]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert (whole["status"], whole["answer"], whole["cites"]) == ("answered", "Three fees.", ["a"])
    assert whole["usage"] == {"model_calls": 1, "tokens": 760, "cost_usd": 0.002}
    assert [(step["node"], step["status"]) for step in whole["steps"]] == [
        ("a", "value"),
        ("b", "failed"),
        ("c", "skipped"),
    ]


def test_one_step_with_its_whole_value(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "20261123-1", "--step", "a", "--store", store]) == 0
    step = json.loads(capsys.readouterr().out)
    assert (step["args"], step["value"]) == ({"query": "fees", "k": 5}, [1, 2, 3])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "2026"], "2 runs begin with '2026'"),
        (["show", "nope"], "there is no run 'nope'"),
        (["show", "20261123-1", "--step", "z"], "no step 'z'; its steps: a, b, c"),
    ],
)
def test_a_name_that_fits_nothing_is_a_usage_error(
    store: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--store", store]) == 2
    out, err = capsys.readouterr()
    assert (out, said in err) == ("", True)


def test_looking_makes_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--store", str(tmp_path / "none")]) == 2
    assert "there are no runs in" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_a_store_is_checked(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "check", "--store", store]) == 0
    assert capsys.readouterr() == ("", "12 events, 0 artifacts: nothing is damaged\n")


def test_what_is_damaged_in_a_store_is_named(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(Path(store, "journal.sqlite"), isolation_level=None)) as file:
        file.execute("UPDATE event SET type = 'run.resumed' WHERE run = '20261124-2' AND seq = 2")
    assert main(["store", "check", "--store", store]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("event 2 of run 20261124-2 in ")
    assert err == "11 events, 0 artifacts: 1 damaged\n"
    assert main(["show", "20261124-2", "--store", store]) == 1
    assert "event 2 of run 20261124-2" in capsys.readouterr().err


def test_there_is_no_store_to_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "check", "--store", str(tmp_path / "nowhere")]) == 2
    assert "there are no runs in" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()
