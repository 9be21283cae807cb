"""`agentkit tools`: list, schema, one call; wrong arguments are told before anything runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from agentkit.tools.mcp.pins import changed

from .process import AGENTS, agentkit

AGENT = ("--agent", f"{AGENTS}:looking")


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return agentkit(folder, "tools", "call", *words, *AGENT)


def test_tools_are_listed_and_described(tmp_path: Path) -> None:
    listed = agentkit(tmp_path, "tools", *AGENT).stdout.splitlines()
    assert listed[0].split() == ["look", "read", "Look", "a", "word", "up."]
    whole = json.loads(agentkit(tmp_path, "tools", "--json", *AGENT).stdout)
    assert [tool["name"] for tool in whole] == [line.split()[0] for line in listed]
    alone = json.loads(agentkit(tmp_path, "tools", "look", *AGENT).stdout)
    assert alone == whole[0]
    assert alone["input_schema"]["required"] == ["word"]


def test_without_an_agent_the_built_in_tools_are_listed(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    names = agentkit(tmp_path, "tools", "--docs", "docs", "--tool", "python").stdout.splitlines()
    assert [line.split()[0] for line in names] == ["python", "search"]


def test_the_value_alone_is_on_standard_output(tmp_path: Path) -> None:
    done = call(tmp_path, "look", '{"word": "fees"}')
    assert (done.returncode, json.loads(done.stdout)) == (0, "the fees")
    assert "ok      result" in done.stderr
    shown = agentkit(tmp_path, "show", "last").stdout
    assert "result = look(word='fees')" in shown


def test_a_call_as_json_is_the_run(tmp_path: Path) -> None:
    whole = json.loads(call(tmp_path, "look", '{"word": "fees"}', "--json").stdout)
    assert (whole["status"], whole["steps"][0]["value"]) == ("answered", "the fees")


def test_a_file_is_given_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"12345")
    assert json.loads(call(tmp_path, "size_of", '{"file": "a.bin"}').stdout) == 5
    assert json.loads(call(tmp_path, "size_of").stdout) == 0
    done = call(tmp_path, "size_of", '{"file": "b.bin"}')
    assert (done.returncode, done.stderr) == (
        2, "error: file: there is no file b.bin; check the path\n"
    )  # fmt: skip


def test_a_tool_that_fails_is_told_without_a_way_to_resume(tmp_path: Path) -> None:
    done = call(tmp_path, "broken", '{"n": 1}')
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: no space on \\x1b[31mdevice" in done.stderr
    assert "agentkit show" in done.stderr and "agentkit resume" not in done.stderr
    again = agentkit(tmp_path, "resume", "last")
    assert (again.returncode, "does not say which agent" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("look", '{"wrod": "x"}'), "got 'wrod', did you mean 'word'?"),
        (("look", '{"word": 7}'), "expected str for 'word' of look; got 7"),
        (("look",), "expected argument 'word' (str) of look"),
        (("look", '{"word": '), "expected JSON arguments like"),
        (("look", '{"word": NaN}'), "expected a finite number; got NaN"),
        (("look", "[" * 99_999), "nested too deeply"),
        (("look", "[1]"), "expected a JSON object"),
        (("look", "{}", "{}"), "quote the JSON"),
        (("lock", "{}"), "expected one of the tools look, count,"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_runs(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = call(tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / ".agentkit").exists()


def test_changed_definitions_of_a_server_are_shown_and_trusted(tmp_path: Path) -> None:
    for text in ("Price.", "Price.\x1b[2J"):
        changed(tmp_path / ".agentkit", "shop", [{"name": "price", "description": text}])
    done = agentkit(tmp_path, "tools", "trust", "shop")
    assert '- "description": "Price.",' in done.stdout
    assert "1 definitions of shop are trusted anew" in done.stdout
    assert "\x1b" not in done.stdout
    assert agentkit(tmp_path, "tools", "trust", "shop").stdout.startswith("0 definitions")
    other = agentkit(tmp_path, "tools", "trust", "shops")
    assert (other.returncode, "there are shop" in other.stderr) == (2, True)
