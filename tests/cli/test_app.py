"""The command line as a whole: help and unknown words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agentkit.cli import main
from agentkit.cli.app import COMMANDS
from tests.processes import finished

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: agentkit {command}")


@pytest.mark.parametrize("arguments", [["nonsense"], ["show"], ["runs", "--limit", "0"], ["--no"]])
def test_misuse_exits_2_and_says_why(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_are_as_good_as_nowhere(closed: str, tmp_path: Path) -> None:
    # A run asks whether a person is at the terminal, and its store opens files.
    agent = ROOT / "tests" / "cli" / "agents.py"
    run = f"run 'Do it.' --agent {agent}:talking --store {tmp_path / 'store'}"
    command = f"{sys.executable} -W error -m agentkit {run} {closed}"
    done = finished(["bash", "-c", command], cwd=ROOT)
    assert done.returncode == 0
    assert done.stdout == ("" if ">&-" in closed.split() else "turn 1\n")
    assert "rror" not in done.stderr
    assert bool(done.stderr) != ("2>&-" in closed)


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    command = f"{sys.executable} -m agentkit models list --json | true"
    done = finished(["bash", "-c", command], cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
