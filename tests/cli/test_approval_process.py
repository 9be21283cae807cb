"""Approval as a person gives it: at the terminal, or later from another process."""

from __future__ import annotations

import json
from pathlib import Path

from .process import AGENTS, agentkit, hinted, on_a_terminal, run


def letters(folder: Path) -> list[str]:
    witness = folder / "witness.txt"
    return witness.read_text().splitlines() if witness.exists() else []


def test_nobody_there_pauses_the_run_and_says_how_to_allow_the_call(tmp_path: Path) -> None:
    done = run(tmp_path, "asking")
    assert (done.returncode, done.stdout) == (5, "")
    assert "error: the run waits for approval of s (send)" in done.stderr
    assert letters(tmp_path) == []
    assert "paused" in agentkit(tmp_path, "runs").stdout
    assert "wait" in agentkit(tmp_path, "show", "last").stdout
    (waits,) = json.loads(agentkit(tmp_path, "show", "last", "--json").stdout)["waiting"]
    assert (waits["node"], waits["tool"], waits["args"]) == ("s", "send", {"to": "Ann"})
    assert json.loads(agentkit(tmp_path, "show", "last", "--step", "s").stdout) == waits
    allowed = agentkit(tmp_path, *hinted(done.stderr, "approve"))
    assert allowed.returncode == 0
    resumed = agentkit(tmp_path, *hinted(allowed.stderr, "resume"))
    assert (resumed.returncode, resumed.stdout) == (0, "sent to Ann\n")
    assert letters(tmp_path) == ["letter to Ann"]


def test_a_call_of_a_map_is_shown_with_its_arguments_and_allowed_as_a_shell_reads_it(
    tmp_path: Path,
) -> None:
    asked = run(tmp_path, "asking_in_map")
    assert "'ss[0].send_1'" in asked.stderr  # a shell would look for files that fit the brackets
    assert "waits: ss[0].send_1 = send(to='Ann')" in agentkit(tmp_path, "show", "last").stdout
    assert agentkit(tmp_path, *hinted(asked.stderr, "approve")).returncode == 0
    assert agentkit(tmp_path, "resume", "last").returncode == 0
    assert letters(tmp_path) == ["letter to Ann"]
    assert "waits:" not in agentkit(tmp_path, "show", "last").stdout


def test_arguments_can_be_set_and_calls_denied(tmp_path: Path) -> None:
    run(tmp_path, "asking")
    assert agentkit(tmp_path, "approve", "last", "s", "--set", "to=Bob").returncode == 0
    assert agentkit(tmp_path, "resume", "last").stdout == "sent to Bob\n"
    run(tmp_path, "asking")
    assert agentkit(tmp_path, "deny", "last", "s", "--reason", "not now").returncode == 0
    done = agentkit(tmp_path, "resume", "last")
    assert (done.returncode, letters(tmp_path)) == (1, ["letter to Bob"])
    assert "not now" in done.stderr


def test_what_cannot_be_decided_is_said(tmp_path: Path) -> None:
    run(tmp_path, "asking")
    for arguments, said in (
        (("approve", "last", "t"), "waits for no approval; waiting: s"),
        (("approve", "last", "s", "--set", "to"), "expected --set NAME=JSON"),
        (("approve", "last", "s", "--set", "to=-Infinity"), "expected a finite number"),
        (("approve", "last", "s", "--set", "t=" + "[" * 99_999), "it takes: to"),
        (("resolve", "last", "s", "--done"), "is not in doubt"),
        (("resolve", "last", "s"), "say --done or --not-done"),
    ):
        done = agentkit(tmp_path, *arguments)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_the_person_at_the_terminal_is_asked(tmp_path: Path) -> None:
    with on_a_terminal(tmp_path, "run", "Do it.", "--agent", f"{AGENTS}:asking") as terminal:
        terminal.until("s = send(to='Ann')")
        terminal.press(b"y\n")
        code, out, _ = terminal.end()
    assert (code, out) == (0, "sent to Ann\n")
    assert letters(tmp_path) == ["letter to Ann"]
