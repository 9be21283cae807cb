"""`agentkit run`, `resume`, `show`: what goes where, exit codes, and hints that work as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .process import AGENTS, agentkit, hinted, on_a_terminal, run

ANSWER = "The fees [fees] are **long**."


def test_the_answer_is_alone_on_standard_output(tmp_path: Path) -> None:
    done = run(tmp_path, "looking")
    assert (done.returncode, done.stdout) == (0, ANSWER + "\n")
    words = [line.split()[0] for line in done.stderr.splitlines()]
    assert words[0] == "start" and words[-3:] == ["end", "sources:", "run"]
    assert {"plan", "model", "run", "ok"} <= set(words)
    assert "\x1b" not in done.stderr


def test_json_is_one_document(tmp_path: Path) -> None:
    done = run(tmp_path, "looking", "--json")
    whole = json.loads(done.stdout)
    assert (done.returncode, whole["status"], whole["answer"]) == (0, "answered", ANSWER)
    assert whole["cites"] == ["fees"]
    assert {"fees", "rooms", "lengths", "if_1", "note"} <= {step["node"] for step in whole["steps"]}
    assert whole == json.loads(agentkit(tmp_path, "show", "last", "--json").stdout)


def test_events_are_lines_of_json_as_they_come(tmp_path: Path) -> None:
    done = run(tmp_path, "looking", "--events")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kept = [event for event in events if event["seq"]]
    assert [event["seq"] for event in kept] == list(range(1, len(kept) + 1))
    assert (kept[0]["type"], kept[-1]["type"]) == ("run.created", "run.ended")
    assert any(event["type"] == "answer.text" for event in events)
    assert ANSWER == kept[-1]["data"]["answer"]


@pytest.mark.parametrize(
    ("agent", "more", "code", "said"),
    [
        ("failing", (), 1, "a: no space on \\x1b[31mdevice"),
        ("wrong", (), 1, "expected a tool; found 'lock'; did you mean 'look'?"),
        ("looking", ("--limit", "nodes=2"), 3, "limit of 2 nodes is reached"),
        ("patient", ("--limit", "seconds=0.5"), 3, "limit of 0.5 seconds is reached"),
        ("nobody", (), 2, "there: asking, asking_clerk, asking_in_map, buying, clerk, failing"),
        ("looking", ("--limit", "weeks=2"), 2, "expected a limit among"),
        ("looking", ("--limit", "seconds=-1"), 2, "more than 0"),
        ("looking", ("--docs", "."), 2, "go without --agent"),
        ("looking", ("--input", "call=none.wav"), 2, "there is no file none.wav"),
        ("looking", ("--value", "7"), 2, "expected --value NAME=JSON"),
    ],
)
def test_exit_codes_and_one_sentence(
    agent: str, more: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    done = run(tmp_path, agent, *more)
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("error: ")]
    assert said in line
    assert "Traceback" not in done.stderr and "\x1b" not in done.stderr


@pytest.mark.parametrize("place", [0, 5])
def test_debug_shows_the_traceback_wherever_it_stands(place: int, tmp_path: Path) -> None:
    arguments = ["run", "Do it.", "--agent", f"{AGENTS}:failing", "--json"]
    arguments.insert(place, "--debug")
    done = agentkit(tmp_path, *arguments)
    assert (done.returncode, json.loads(done.stdout)["status"]) == (1, "failed")
    assert "Traceback (most recent call last)" in done.stderr


def test_what_a_failed_run_tells_to_type_works_as_typed(tmp_path: Path) -> None:
    done = run(tmp_path, "failing", "--store", "my runs")
    shown = agentkit(tmp_path, *hinted(done.stderr, "show"))
    assert (shown.returncode, "no space on" in shown.stdout) == (0, True), shown.stderr
    step = agentkit(tmp_path, *hinted(done.stderr, "show"), "--step", "a")
    assert json.loads(step.stdout)["failure"]["kind"] == "ToolError"
    listed = agentkit(tmp_path, "runs", "--failed", "--store", "my runs")
    assert len(listed.stdout.splitlines()) == 1


def test_a_run_past_its_limit_goes_on_with_a_higher_one(tmp_path: Path) -> None:
    done = run(tmp_path, "looking", "--limit", "nodes=2", "--limit", "seconds=60")
    arguments = hinted(done.stderr, "resume")
    assert arguments[-2:] == ["--limit", "nodes=4"]
    again = agentkit(tmp_path, *arguments[:-1], "nodes=40", "--json")
    assert again.returncode == 0, again.stderr
    assert {"fees", "rooms", "lengths"} <= {
        step["node"] for step in json.loads(again.stdout)["steps"]
    }


def test_a_resumed_run_keeps_the_options_that_it_was_started_with(tmp_path: Path) -> None:
    assert run(tmp_path, "looking", "--limit", "nodes=2").returncode == 3
    again = agentkit(tmp_path, "resume", "last")
    assert (again.returncode, "limit of 2 nodes" in again.stderr) == (3, True), again.stderr


def test_resuming_a_finished_run_gives_its_answer_and_calls_nothing(tmp_path: Path) -> None:
    run(tmp_path, "looking")
    called = (tmp_path / "witness.txt").read_text()
    again = agentkit(tmp_path, "resume", "last")
    assert (again.returncode, again.stdout) == (0, ANSWER + "\n")
    assert (tmp_path / "witness.txt").read_text() == called


def test_a_session_goes_on_over_several_runs(tmp_path: Path) -> None:
    turns = [run(tmp_path, "talking", "--session", "s").stdout for _ in range(3)]
    assert turns == ["turn 1\n", "turn 2\n", "turn 3\n"]
    assert run(tmp_path, "talking", "--session", "other").stdout == "turn 1\n"
    assert run(tmp_path, "talking").stdout == "turn 1\n"


def test_a_terminal_gets_rows_and_the_answer_still_goes_to_the_pipe(tmp_path: Path) -> None:
    arguments = ("run", "Do it.", "--agent", f"{AGENTS}:looking")
    with on_a_terminal(tmp_path, *arguments) as terminal:
        code, out, screen = terminal.end()
    assert (code, out) == (0, ANSWER + "\n")
    assert "\x1b[" in screen and "✓" in screen and "5 steps" in screen


@pytest.mark.parametrize("variable", ["NO_COLOR", "CI"])
def test_without_colour_a_terminal_gets_plain_lines(variable: str, tmp_path: Path) -> None:
    arguments = ("run", "Do it.", "--agent", f"{AGENTS}:looking")
    with on_a_terminal(tmp_path, *arguments, env={variable: "1"}) as terminal:
        code, out, screen = terminal.end()
    assert (code, out) == (0, ANSWER + "\n")
    assert "\x1b" not in screen and "\nok      fees" in screen


def test_a_terminal_that_knows_only_ascii_is_no_reason_to_fail(tmp_path: Path) -> None:
    run(tmp_path, "looking")
    shown = agentkit(tmp_path, "show", "last", env={"PYTHONIOENCODING": "ascii:strict"})
    assert (shown.returncode, "\\u2713" in shown.stdout) == (0, True), shown.stderr
