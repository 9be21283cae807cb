"""The command line as a whole: help, unknown words, models and doctor."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from agentkit.cli import main
from agentkit.cli.app import COMMANDS
from agentkit.cli.commands.doctor import findings
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


def test_models_are_listed_with_licence_and_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    models = {model["name"]: model for model in json.loads(capsys.readouterr().out)}
    assert models["minilm"]["licence"] == "Apache-2.0"
    assert models["minilm"]["size_bytes"] > 20_000_000
    assert all(len(file["sha256"]) == 64 for model in models.values() for file in model["files"])


def test_an_unknown_model_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "path", "minilmm"]) == 2
    assert "did you mean 'minilm'?" in capsys.readouterr().err


def test_doctor_never_shows_a_key(tmp_path: Path) -> None:
    secret = "sk-123456"
    found = [*findings(str(tmp_path), {"OPENAI_API_KEY": secret})]
    assert secret not in repr(found)
    by_name = {one.what: one for one in found}
    assert by_name["OPENAI_API_KEY"].ok
    assert not by_name["ANTHROPIC_API_KEY"].ok


def test_doctor_says_how_to_get_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = {"faster-whisper"}

    def installed(package: str) -> str | None:
        return None if package in absent else "1.0"

    monkeypatch.setattr("agentkit.cli.commands.doctor.installed", installed)
    (speech,) = [one for one in findings(str(tmp_path), {}) if one.what == "extra speech"]
    assert speech.detail == "missing faster-whisper: pip install 'agentkit[speech]'"
