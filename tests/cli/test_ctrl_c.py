"""Ctrl-C, pressed on a terminal: once leaves a run that goes on, twice does not wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from .process import AGENTS, CTRL_C, agentkit, hinted, on_a_terminal


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}], ids=["rows", "lines"])
def test_once_leaves_a_run_that_the_printed_command_goes_on_with(
    env: dict[str, str], tmp_path: Path
) -> None:
    arguments = ("run", "Do it.", "--agent", f"{AGENTS}:patient", "--store", "my runs")
    with on_a_terminal(tmp_path, *arguments, env=env) as terminal:
        terminal.until("1 of 9 hours" if env == {} else "run     b  wait 9")
        terminal.press(CTRL_C)
        code, out, screen = terminal.end()
    assert (code, out) == (130, "")
    assert "stopping; press Ctrl-C again to stop now" in screen
    assert env or ("■" in screen and screen.count("\x1b[?25h") == 1)
    (tmp_path / "open.txt").touch()
    wrapped = screen.replace("\n", " ") if env == {} else screen
    again = agentkit(tmp_path, *hinted(wrapped, "resume"))
    assert (again.returncode, again.stdout) == (0, "the x, waited\n"), again.stderr
    assert (tmp_path / "witness.txt").read_text() == "x\n"


def test_twice_stops_now_and_the_run_still_goes_on_later(tmp_path: Path) -> None:
    arguments = ("run", "Do it.", "--agent", f"{AGENTS}:mule")
    with on_a_terminal(tmp_path, *arguments) as terminal:
        terminal.until("1 of 9 hours")
        terminal.press(CTRL_C)
        terminal.until("stubborn as a mule")
        terminal.press(CTRL_C)
        code, out, screen = terminal.end()
    assert (code, out) == (130, "")
    # A last frame of the rows may come after it; only their start hides the cursor.
    assert screen.rfind("\x1b[?25h") > screen.rfind("\x1b[?25l"), "the cursor is back"
    (tmp_path / "open.txt").touch()
    again = agentkit(tmp_path, "resume", "last")
    assert (again.returncode, again.stdout) == (0, "the x, waited\n"), again.stderr
    assert (tmp_path / "witness.txt").read_text() == "x\n"


def test_a_script_that_is_stopped_says_where_its_runs_are(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "async def main(agent):\n"
        "    print('begun', file=sys.stderr, flush=True)\n"
        "    return (await agent.run('Do it.')).answer\n"
    )
    arguments = ("run", "script.py", "--agent", f"{AGENTS}:patient")
    with on_a_terminal(tmp_path, *arguments) as terminal:
        terminal.until("begun")
        terminal.press(CTRL_C)
        code, out, screen = terminal.end()
    assert (code, out) == (130, "")
    assert "`agentkit runs` lists what can be resumed" in screen
    assert "Traceback" not in screen
