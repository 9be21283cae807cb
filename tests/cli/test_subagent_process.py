"""Agents within agents, over processes: one asks and another decides, or goes on after a kill."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .process import AGENTS, COMMAND, agentkit, environment, hinted, run


def witness(folder: Path) -> list[str]:
    return (folder / "witness.txt").read_text().splitlines()


def test_an_agents_question_is_shown_and_answered_from_other_processes(tmp_path: Path) -> None:
    asking = run(tmp_path, "asking_clerk")
    assert (asking.returncode, asking.stdout) == (5, "")
    assert "the run waits for approval of r/s (send)" in asking.stderr
    shown = agentkit(tmp_path, "show", "last").stdout
    assert 'waits: s = send "Ann": send asks for it' in shown
    listed = agentkit(tmp_path, "runs").stdout
    assert len(listed.splitlines()) == 1 and "paused" in listed
    allowed = agentkit(tmp_path, *hinted(asking.stderr, "approve"))
    assert allowed.returncode == 0, allowed.stderr
    resumed = agentkit(tmp_path, *hinted(allowed.stderr, "resume"))
    assert (resumed.returncode, resumed.stdout) == (0, "sent to Ann!\n"), resumed.stderr
    assert witness(tmp_path) == ["letter to Ann"]
    replayed = agentkit(tmp_path, "replay", "last")
    assert replayed.returncode == 0, replayed.stderr
    assert witness(tmp_path) == ["letter to Ann"]


def test_a_process_killed_while_its_agent_works_repeats_nothing_of_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "run", "Do it.", "--agent", f"{AGENTS}:sending_postman"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert any("waiting for the van" in line for line in process.stderr), "it never came so far"
        process.kill()
    assert witness(tmp_path) == ["stamp for Ann"]
    (tmp_path / "open.txt").touch()
    resumed = agentkit(tmp_path, "resume", "last")
    assert resumed.stdout == "stamped for Ann, away!\n", resumed.stderr
    assert witness(tmp_path) == ["stamp for Ann"]
