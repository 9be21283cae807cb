"""`agentkit run script.py`: a task script gets its agent, its arguments and its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from .process import AGENTS, agentkit, hinted

AGENT = ("--agent", f"{AGENTS}:looking")
ANSWER = "The fees [fees] are **long**.\n"


def script(folder: Path, text: str) -> str:
    (folder / "script.py").write_text(text)
    return "script.py"


@pytest.mark.parametrize(
    "text",
    [
        "async def main(agent):\n    return (await agent.run('Do it.')).answer\n",
        "def main(agent):\n    return agent.run_sync('Do it.').answer\n",
    ],
)
def test_main_gets_the_agent_and_what_it_returns_is_printed(text: str, tmp_path: Path) -> None:
    done = agentkit(tmp_path, "run", script(tmp_path, text), *AGENT)
    assert (done.returncode, done.stdout) == (0, ANSWER), done.stderr
    assert "answered" in agentkit(tmp_path, "runs").stdout
    assert agentkit(tmp_path, "resume", "last").stdout == ANSWER


def test_a_main_that_needs_nothing_is_called_with_nothing(tmp_path: Path) -> None:
    text = "import sys\ndef main(times=2):\n    return sys.argv[1:] * times\n"
    done = agentkit(tmp_path, "run", script(tmp_path, text), "a", "--", "--debug")
    assert (done.returncode, done.stdout) == (0, "['a', '--debug', 'a', '--debug']\n")


def test_a_script_without_main_runs_as_python_runs_it(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("WORD = 'beside'\n")
    text = "import sys, beside\nif __name__ == '__main__':\n    print(beside.WORD, sys.argv)\n"
    done = agentkit(tmp_path, "run", script(tmp_path, text), "x")
    assert (done.returncode, done.stdout) == (0, "beside ['script.py', 'x']\n")


@pytest.mark.parametrize(
    ("text", "more", "code", "said"),
    [
        ("import sys\ndef main():\n    sys.exit('2 files are damaged')\n", (), 1, "2 files are"),
        ("import sys\ndef main():\n    sys.exit(5)\n", (), 5, ""),
        ("def main():\n    1/0\n", (), 1, "error: ZeroDivisionError: division by zero ("),
        ("def main(:\n", (), 2, "script.py, line 1: invalid syntax; mend the script"),
        ("def main(a, b):\n    pass\n", (), 2, "main of script.py needs a, b"),
        ("def main():\n    pass\n", ("--json",), 2, "for a task in words"),
        ("def main():\n    pass\n", ("--model", "test:"), 2, "makes its own agents"),
        ("print(1)\n", ("--docs", "."), 2, "makes its own agents"),
        ("print(1)\n", ("--store", "runs"), 2, "makes its own agents"),
        ("async def main(agent):\n    await agent.run('')\n", AGENT, 2, "the task is empty"),
        ("def main(agent):\n    agent.run_sync('x')\n", ("--agent", f"{AGENTS}:failing"), 1,
         "agentkit fork 2"),
    ],
)  # fmt: skip
def test_exit_codes(text: str, more: tuple[str, ...], code: int, said: str, tmp_path: Path) -> None:
    done = agentkit(tmp_path, "run", script(tmp_path, text), *more)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr and "Traceback" not in done.stderr


def test_a_sentence_may_end_in_the_name_of_a_file(tmp_path: Path) -> None:
    done = agentkit(tmp_path, "run", "Explain script.py", *AGENT)
    assert (done.returncode, done.stdout) == (0, ANSWER)


def test_debug_shows_the_traceback_of_a_script(tmp_path: Path) -> None:
    done = agentkit(tmp_path, "run", script(tmp_path, "def main():\n    1/0\n"), "--debug")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback (most recent call last)" in done.stderr


def test_a_run_of_the_given_agent_is_shown_as_typed(tmp_path: Path) -> None:
    text = script(tmp_path, "def main(agent):\n    agent.run_sync('x')\n")
    done = agentkit(tmp_path, "run", text, "--agent", f"{AGENTS}:failing", "--store", "my runs")
    shown = agentkit(tmp_path, *hinted(done.stderr, "show"))
    assert (shown.returncode, "no space on" in shown.stdout) == (0, True), done.stderr
