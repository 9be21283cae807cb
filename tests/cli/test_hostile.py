"""Text that would act, and ten megabytes in one result, on a real terminal and through pipes."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentkit.text import inert
from tests.huge import LONG, ROWS, SOME

from .hostile import EVIL
from .process import COMMAND, CTRL_C, agentkit, environment, hinted, on_a_terminal

AGENTS = Path(__file__).parent / "hostile.py"
OWN = re.compile(r"\x1b\[(?:[01234]?[0-9](?:;[0-9]+)*m|0m|[0-9]*[AK]|2K|\?25[lh])")
"""What rows that are written over need: colours, a line up, a line wiped, the cursor hidden."""
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
MOST = 1_000_000
"""Characters that a terminal gets of anything: rows are drawn anew for as long as a run takes."""


def screen(folder: Path, *arguments: str, typed: Sequence[bytes] = ()) -> tuple[int, str]:
    """Exit code, and all that a terminal got that shows colours."""
    with on_a_terminal(folder, *arguments, whole=True) as terminal:
        for line in typed:
            terminal.until("> ")
            terminal.press(line)
        code, _, shown = terminal.end()
    return code, shown


def intact(shown: str) -> None:
    """Nothing came to the terminal that moves, colours, names or turns around but our own rows."""
    rest = OWN.sub("", shown.replace("\r", ""))
    found = OBEYED.search(rest)
    assert found is None, rest[max(0, found.start() - 200) : found.end() + 50]
    assert not any(one in shown for one in ("\x1b[2J", "\x1b[38;5;199m"))


@pytest.fixture(scope="module")
def acted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs of the agent whose texts would act."""
    folder = tmp_path_factory.mktemp("acted")
    for session in (EVIL.replace("\0", ""), "plain"):
        done = agentkit(folder, *run("acting"), "--session", session)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{inert(EVIL)}\n"
        assert not OBEYED.search(done.stderr)
    return folder


@pytest.fixture(scope="module")
def lasted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that has ten megabytes in one result."""
    folder = tmp_path_factory.mktemp("lasted")
    assert agentkit(folder, *run("lasting")).returncode == 0
    return folder


def run(agent: str) -> tuple[str, ...]:
    return ("run", f"Do {EVIL}", "--agent", f"{AGENTS}:{agent}")


@pytest.mark.parametrize(
    "words",
    [
        run("acting"),
        ("show", "last"),
        ("show", "last", "--step", "a"),
        ("show", "last", "--json"),
        ("runs",),
        ("replay", "last", "--agent", f"{AGENTS}:acting"),
        ("plan", f"Do {EVIL}", "--agent", f"{AGENTS}:acting"),
        ("plan", f"Do {EVIL}", "--agent", f"{AGENTS}:acting", "--svg"),
        ("plan", f"Do {EVIL}", "--agent", f"{AGENTS}:acting", "--mermaid"),
        ("show", EVIL),
        ("tools", "--agent", f"{AGENTS}:acting", "call", "fail", json.dumps({"text": EVIL})),
        ("tools", "--agent", f"{AGENTS}:acting", "call", "give", json.dumps({"text": EVIL})),
    ],
)
def test_a_terminal_obeys_nothing_of_it(words: tuple[str, ...], acted: Path) -> None:
    code, shown = screen(acted, *words)
    intact(shown)
    assert "owned" in shown or words[0] == "replay" or words[-1] == "--mermaid", shown
    assert code in (0, 1, 2)


def test_a_difference_and_a_conversation_obey_nothing(acted: Path) -> None:
    names = agentkit(acted, "runs", "--json").stdout
    runs = [one["run"] for one in json.loads(names)][:2]
    intact(screen(acted, "diff", *runs)[1])
    lines = [f"Do {inert(EVIL)}\n".encode(), b"/show\n", b"/show b\n", b"/sessions\n", b"/quit\n"]
    code, shown = screen(acted, "chat", "--agent", f"{AGENTS}:acting", typed=lines)
    intact(shown)
    assert code == 0 and "owned" in shown


def test_of_ten_megabytes_a_terminal_gets_a_part_and_a_pipe_all(tmp_path: Path) -> None:
    code, shown = screen(tmp_path, *run("lasting"))
    intact(shown)
    assert (code, len(shown) < MOST) == (0, True)
    assert f"the first 100,000 of {len(SOME):,} characters; all of it: agentkit show" in shown
    whole = hinted(shown, "show")
    code, shown = screen(tmp_path, "show", "last")
    intact(shown)
    assert (code, len(shown) < MOST) == (0, True)
    assert f"of {len(SOME) + 1:,} characters; all of it: agentkit show" in shown
    typed = " ".join([*map(shlex.quote, COMMAND), *whole])
    subprocess.run(typed, shell=True, cwd=tmp_path, env=environment(tmp_path), check=True)
    steps = {one["node"]: one for one in json.loads((tmp_path / whole[-1]).read_text())["steps"]}
    assert steps["a"]["value"] == LONG and len(steps["b"]["value"]) == ROWS
    piped = agentkit(tmp_path, "show", "last", "--step", "a")
    assert json.loads(piped.stdout)["value"] == LONG
    piped = agentkit(tmp_path, *run("lasting"))
    assert piped.stdout == f"{inert(SOME)}\n" and len(piped.stderr) < MOST
    diff = agentkit(tmp_path, "diff", *(one["run"] for one in runs_of(tmp_path)))
    assert (diff.returncode, len(diff.stdout) < MOST) == (0, True)


@pytest.mark.parametrize(
    "words",
    [
        ("replay", "last", "--agent", f"{AGENTS}:lasting"),
        ("runs",),
        ("tools", "--agent", f"{AGENTS}:lasting", "call", "much", "{}"),
        ("tools", "--agent", f"{AGENTS}:lasting", "call", "many", "{}"),
    ],
)
def test_ten_megabytes_through_every_other_command(words: tuple[str, ...], lasted: Path) -> None:
    code, shown = screen(lasted, *words)
    intact(shown)
    assert (code, len(shown) < MOST) == (0, True), shown[-2000:]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "Do it.", "--agent", f"{AGENTS}:wordy"), "did not stop after"),
        (run("wordy"), "did not stop after"),
        (("plan", "Do it.", "--agent", f"{AGENTS}:written"), "a statement of at most"),
        (("plan", "Do it.", "--agent", f"{AGENTS}:written", "--mermaid"), "a statement of at most"),
        (("plan", "Do it.", "--agent", f"{AGENTS}:written", "--svg"), "a statement of at most"),
        (run("written"), "a statement of at most"),
    ],
)
def test_a_plan_of_ten_megabytes_is_refused(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    code, shown = screen(tmp_path, *words)
    intact(shown)
    assert (code, len(shown) < MOST, said in shown) == (1, True, True), shown[-2000:]


def test_ten_megabytes_of_an_error(tmp_path: Path) -> None:
    code, shown = screen(tmp_path, *run("failing"))
    intact(shown)
    assert (code, len(shown) < MOST) == (1, True)
    assert inert(EVIL) in shown.replace("\n", "") and "error: nothing is left" in shown
    (step,) = [json.loads(agentkit(tmp_path, "show", "last", "--step", "b").stdout)]
    assert step["failure"]["message"].endswith(LONG)
    code, shown = screen(tmp_path, "show", "last")
    intact(shown)
    assert (code, len(shown) < MOST) == (0, True)


def test_who_is_asked_at_a_terminal_sees_a_part(tmp_path: Path) -> None:
    with on_a_terminal(tmp_path, *run("sending"), whole=True) as terminal:
        terminal.until("y: allow, n: deny, Enter: later > ")
        terminal.press(b"y\n")
        code, _, shown = terminal.end()
    intact(shown)
    assert (code, len(shown) < MOST) == (0, True)
    assert "send(to='\\x1b]0;owned" in shown


def test_names_of_files_that_are_watched_obey_nothing(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    watching = (*run("acting"), "--watch", "inbox")
    with on_a_terminal(tmp_path, *watching, whole=True) as terminal:
        terminal.until("watching")
        (inbox / EVIL.translate({0: None, ord("/"): None})).write_text("new")
        terminal.until("answered")
        terminal.press(CTRL_C)
        code, _, shown = terminal.end()
    intact(shown)
    assert (code, "]0;owned" in shown) == (0, True)


def runs_of(folder: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(agentkit(folder, "runs", "--json").stdout)
    return found


def test_ten_megabytes_in_a_conversation(tmp_path: Path) -> None:
    lines = [b"Do it\n", b"/show\n", b"/quit\n"]
    code, shown = screen(tmp_path, "chat", "--agent", f"{AGENTS}:lasting", typed=lines)
    intact(shown)
    assert (code, len(shown) < 2 * MOST) == (0, True)
    assert f"the first 100,000 of {len(SOME):,} characters; all of it: agentkit show" in shown
