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


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    command = f"{sys.executable} -m agentkit models list --json | true"
    done = finished(["bash", "-c", command], cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
