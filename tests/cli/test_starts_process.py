"""`agentkit run --every`, `--cron`, `--watch` as processes: each start a run, none made twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from agentkit.cli import main

from .process import AGENTS, CTRL_C, agentkit, hinted, on_a_terminal


def runs(folder: Path) -> dict[str, str]:
    """The status of each run, by its id."""
    return {
        one["run"]: one["status"] for one in json.loads(agentkit(folder, "runs", "--json").stdout)
    }


def test_a_start_that_was_made_is_not_made_again_by_another_process(tmp_path: Path) -> None:
    arguments = ("run", "Do it.", "--agent", f"{AGENTS}:talking", "--every", "1h")
    for answers in ("turn 1\n", ""):
        with on_a_terminal(tmp_path, *arguments) as terminal:
            terminal.until("next: ")
            if answers:
                terminal.until("answered")
            terminal.press(CTRL_C)
            code, out, screen = terminal.end()
        assert (code, out) == (0, answers), screen
    assert [*runs(tmp_path).values()] == ["answered"]


def test_files_are_taken_in_turn_and_a_run_that_is_cut_goes_on(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "a.txt").write_text("there before")
    arguments = ("run", "Do it.", "--agent", f"{AGENTS}:patient", "--watch", "inbox")
    with on_a_terminal(tmp_path, *arguments) as terminal:
        terminal.until("run     b  wait 9")
        (inbox / "b.txt").write_text("new")
        terminal.until("waits: b.txt; 1 in the queue")
        terminal.press(CTRL_C)
        code, out, screen = terminal.end()
    assert (code, out) == (0, "")
    assert "not started: b.txt" in screen and "Traceback" not in screen
    (tmp_path / "open.txt").touch()
    again = agentkit(tmp_path, *hinted(screen, "resume"))
    assert (again.returncode, again.stdout) == (0, "the x, waited\n"), again.stderr
    with on_a_terminal(tmp_path, *arguments) as terminal:
        terminal.until("answered")
        terminal.press(CTRL_C)
        code, out, screen = terminal.end()
    assert (code, out) == (0, "the x, waited\n"), screen
    assert ": b.txt" in screen and ": a.txt" not in screen
    assert [*runs(tmp_path).values()] == ["answered"] * 2


@pytest.mark.parametrize(("words", "known"), [((), True), (("--limit", "nodes=40"), False)])
def test_a_folder_of_the_same_name_elsewhere_and_other_limits_are_other_schedules(
    tmp_path: Path, words: tuple[str, ...], known: bool
) -> None:
    store = {"AGENTKIT_STORE": str(tmp_path / "store")}
    arguments = ("run", "Do it.", "--agent", f"{AGENTS}:talking", "--watch", "inbox")
    for folder, more, came in (("a", (), True), ("b", (), True), ("b", words, not known)):
        (inbox := tmp_path / folder / "inbox").mkdir(parents=True, exist_ok=True)
        (inbox / "note.txt").write_text("the same")
        (inbox / "new.txt").unlink(missing_ok=True)
        with on_a_terminal(tmp_path / folder, *arguments, *more, env=store) as terminal:
            terminal.until("watching ")
            if not came:  # what comes after it is started, so it would have been too
                (inbox / "new.txt").write_text("another")
            terminal.until("answered")
            terminal.press(CTRL_C)
            code, _, screen = terminal.end()
        assert (code, ": note.txt" in screen) == (0, came), screen


@pytest.mark.parametrize("again", [False, True])
def test_a_watched_folder_that_goes_ends_the_command(tmp_path: Path, again: bool) -> None:
    (inbox := tmp_path / "inbox").mkdir()
    arguments = ("run", "Do it.", "--agent", f"{AGENTS}:talking", "--watch", "inbox")
    with on_a_terminal(tmp_path, *arguments) as terminal:
        (inbox / "a.txt").write_text("a file")
        terminal.until("answered")  # so it is watching
        shutil.rmtree(inbox)
        if again:
            inbox.mkdir()
        code, _, screen = terminal.end()
    assert code == 2
    assert "error: --watch: the folder inbox was removed or renamed" in screen


def test_a_script_is_given_an_agent_whose_runs_are_those_of_the_start(tmp_path: Path) -> None:
    (tmp_path / "nightly.py").write_text(
        "async def main(agent):\n"
        "    one, two = await agent.run('One.'), await agent.run('Two.')\n"
        "    return f'{one.id} {two.id}'\n"
    )
    arguments = ("run", "nightly.py", "--agent", f"{AGENTS}:talking", "--every", "1h")
    with on_a_terminal(tmp_path, *arguments) as terminal:
        terminal.until("next: ")
        assert terminal.process.stdout is not None
        first, second = terminal.process.stdout.readline().decode().split()
        terminal.press(CTRL_C)
        assert terminal.end()[0] == 0
    assert (second, {first, second}) == (f"{first}-2", {*runs(tmp_path)})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--every", "1h", "--cron", "0 2 * * *"), "give one of them"),
        (("--overlap", "queue"), "--overlap goes with --every, --cron or --watch"),
        (("--every", "0.5s"), "at least 1s"),
        (("--cron", "0 2 * *"), "expected --cron 'MINUTE HOUR DAY MONTH WEEKDAY'"),
        (("--watch", "nowhere"), "--watch: there is no folder nowhere"),
        (("--watch", ".", "--value", "file=1"), "the input `file` is the file that came"),
    ],
)
def test_what_could_never_be_started_is_said_first(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "Do it.", "--agent", f"{AGENTS}:talking", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / ".agentkit").exists()


def test_a_script_that_would_hold_up_the_clock_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (script := tmp_path / "slow.py").write_text("def main(agent): ...\n")
    assert main(["run", str(script), "--agent", f"{AGENTS}:talking", "--every", "1h"]) == 2
    assert "needs `async def main(agent)`" in capsys.readouterr().err
