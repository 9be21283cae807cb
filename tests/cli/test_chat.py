"""`agentkit chat`, through pipes and before a terminal, with agents whose plans are known."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentkit.cli.chat.typed import dropped, name_for, paths_of

from .agents import EVIL
from .process import AGENTS, CTRL_C, Terminal, agentkit, on_a_terminal

CTRL_D, UP = b"\x04", b"\x1b[A"


def chat(agent: str, *more: str) -> tuple[str, ...]:
    return ("chat", "--agent", f"{AGENTS}:{agent}", *more)


def test_without_a_terminal_each_line_is_a_turn_and_stdout_has_the_answers(tmp_path: Path) -> None:
    first = agentkit(tmp_path, *chat("talking"), typed="Hello\n\nAgain\n/sessions\n/plan x\n")
    assert (first.returncode, first.stdout) == (0, "turn 1\nturn 2\n"), first.stderr
    assert "Again" in first.stderr and "answer(text='turn 1')" in first.stderr
    later = agentkit(tmp_path, *chat("talking", "--session", "last"), typed="I am back\n/show\n")
    assert (later.returncode, later.stdout) == (0, "turn 3\n"), later.stderr
    assert "assistant: turn 2" in later.stderr and "task: I am back" in later.stderr
    other = agentkit(tmp_path, *chat("talking"), typed="Hello\n/use last\n/new\nHello\n/nope\n")
    assert (other.returncode, other.stdout) == (2, "turn 1\nturn 1\n")
    assert "there is no command /nope; /help lists them" in other.stderr


def test_a_turn_that_waits_for_approval_is_said_and_the_next_line_is_taken(tmp_path: Path) -> None:
    done = agentkit(tmp_path, *chat("asking"), typed="Write.\n/show\n")
    assert (done.returncode, done.stdout) == (5, "")
    assert "to allow it: agentkit approve" in done.stderr
    assert ": paused\ntask: Write." in done.stderr


def test_the_person_is_asked_in_line_and_files_go_with_the_next_turn(tmp_path: Path) -> None:
    (tmp_path / "my notes.txt").write_text("12 letters..")
    with on_a_terminal(tmp_path, *chat("asking")) as terminal:
        terminal.until("/help says what can be typed")
        terminal.press(f"'{tmp_path / 'my notes.txt'}'\n".encode())
        terminal.until("my_notes: my notes.txt (12 B), for the next turn")
        terminal.press(b"Write.\n")
        terminal.until("s = send(to='Ann')")
        terminal.press(b"y\n")
        terminal.until("round")
        terminal.press(b"/file\n")
        terminal.until("for the next turn: nothing")
        terminal.press(CTRL_D)
        code, out, _ = terminal.end()
    assert (code, out) == (0, "sent to Ann\n")
    shown = agentkit(tmp_path, "runs", "--json").stdout
    assert '"task": "Write."' in shown


def test_ctrl_c_leaves_a_turn_that_resume_goes_on_with_and_twice_ends(tmp_path: Path) -> None:
    with on_a_terminal(tmp_path, *chat("patient"), env={"NO_COLOR": "1"}) as terminal:
        terminal.press(b"Do it.\n")
        terminal.until("run     b  wait 9")
        terminal.press(CTRL_C)
        terminal.until("(here: /resume)\n> ")
        (tmp_path / "open.txt").touch()
        terminal.press(b"/resume\n")
        terminal.until("end     answered")
        leave(terminal)
        code, out, _ = terminal.end()
    assert (code, out) == (130, "the x, waited\n")
    assert (tmp_path / "witness.txt").read_text() == "x\n"


def leave(terminal: Terminal) -> None:
    """Ctrl-C at the prompt, twice; each is waited for."""
    terminal.until("\n> ")
    terminal.press_waited(CTRL_C)
    terminal.until("ends the conversation\n> ")
    terminal.press_waited(CTRL_C)


def test_the_answer_comes_while_it_is_written_and_obeys_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    with on_a_terminal(tmp_path, *chat("hostile"), whole=True) as terminal:
        terminal.until("> ")
        terminal.press(b"What is it?\n")
        terminal.until("firs")
        assert "last" not in terminal.screen
        (tmp_path / "gate").write_bytes(b"open")
        terminal.until('x9b31m")\n> ')  # its source, and the next prompt
        terminal.press(CTRL_D)
        _, _, screen = terminal.end()
    assert "\\x1b]0;owned\\x07\\x1b[2J\\u202etxt.exe\\x9b31m last" in screen
    for obeyed in (EVIL, "\x1b]0;", "\x1b[2J", "\u202e", "\x9b"):
        assert obeyed not in screen


def test_lines_come_back_with_the_arrow_key_in_another_conversation(tmp_path: Path) -> None:
    for first in (True, False):
        with on_a_terminal(tmp_path, *chat("talking"), whole=True) as terminal:
            terminal.until("> ")
            terminal.press(b"Once upon\n" if first else UP + UP + b"\n")
            terminal.until("turn 1")
            terminal.press(b"/quit\n")
            assert terminal.end()[0] == 0
    history = tmp_path / ".agentkit" / "chat_history"
    assert history.read_text().splitlines().count("Once upon") == 2
    assert history.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["/", "it's", "/x\0y", "/" + "a" * 5000, "Makefile", "", "'"])
def test_no_line_is_taken_for_files_that_are_not_there(text: str) -> None:
    assert dropped(text) == ()


def test_files_are_found_as_terminals_write_them(tmp_path: Path) -> None:
    a, b = tmp_path / "a b.txt", tmp_path / "c.txt"
    a.touch()
    b.touch()
    escaped = str(a).replace(" ", "\\ ")
    for line in (f"'{a}' {b}", f"{escaped} '{b}' ", f"{a.as_uri()} {b.as_uri()}"):
        assert dropped(line) == [a, b]
    assert paths_of(str(a)) == [a]
    assert name_for(Path("class.py"), ()) == "file_class"
