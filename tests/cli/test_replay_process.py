"""`agentkit replay`, `fork` and `diff` as commands, and a patched plan as `show` prints it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from agentkit.journal.row import event_checksum
from agentkit.testing import load_run

from .process import AGENTS, agentkit, hinted, run


def witness(folder: Path) -> list[str]:
    return (folder / "witness.txt").read_text().splitlines()


def test_a_stored_run_replays_and_is_saved_as_a_test(tmp_path: Path) -> None:
    run(tmp_path, "looking")
    looked = witness(tmp_path)
    done = agentkit(tmp_path, "replay", "last", "--save", "looking.jsonl")
    events = load_run(tmp_path / "looking.jsonl")
    assert (done.returncode, done.stdout) == (0, f"identical: {len(events) - 1} events\n")
    assert "saved in looking.jsonl" in done.stderr
    assert witness(tmp_path) == looked
    assert "running" not in agentkit(tmp_path, "runs").stdout


def test_a_changed_answer_of_a_tool_is_found_with_both_sides(tmp_path: Path) -> None:
    run(tmp_path, "looking")
    with closing(sqlite3.connect(tmp_path / ".agentkit" / "journal.sqlite")) as journal, journal:
        changed = journal.execute(
            "UPDATE event SET data = replace(data, 'the rooms', 'no rooms here')"
            " WHERE type = 'node.ended' AND node = 'rooms'"
        )
        assert changed.rowcount == 1
        journal.create_function("event_checksum", 7, event_checksum)
        journal.execute(
            "UPDATE event SET crc = event_checksum(run, seq, time, type, node, version, data)"
        )
    done = agentkit(tmp_path, "replay", "last")
    assert (done.returncode, done.stdout) == (1, "")
    assert "diverges at event" in done.stderr and "lengths[1].count_1" in done.stderr
    assert 'the journal has: node.started lengths[1].count_1 args.text = "the rooms"' in done.stderr
    assert "the replay came to: node.started lengths[1].count_1" in done.stderr


def test_a_fork_runs_what_changed_and_diff_tells_the_runs_apart(tmp_path: Path) -> None:
    run(tmp_path, "looking")
    first = agentkit(tmp_path, "runs").stdout.split()
    (tmp_path / "witness.txt").unlink()
    done = agentkit(tmp_path, "fork", "last", "rooms", "--set", "word=halls")
    assert done.returncode == 0, done.stderr
    assert witness(tmp_path) == ["halls"]
    runs = [
        word
        for word in agentkit(tmp_path, "runs").stdout.split()
        if re.fullmatch(r"\d{8}-\d{6}-\w+", word)
    ]
    assert len(runs) == 2 and runs[1] in first
    shown = agentkit(tmp_path, "show", "last").stdout
    assert '- rooms = look(word="rooms")' in shown.replace("'", '"')
    assert '+ rooms = look(word="halls")' in shown.replace("'", '"')
    told = agentkit(tmp_path, "diff", runs[1], runs[0])
    assert told.returncode == 0
    for line in (f"- run {runs[1]}", f"+ run {runs[0]}", '- look("rooms") = "the rooms"',
                 '+ look("halls") = "the halls"', "usage"):  # fmt: skip
        assert line in told.stdout, told.stdout
    assert "fees" not in told.stdout.partition("nodes")[2]
    assert agentkit(tmp_path, "replay", "last").returncode == 0


def test_what_has_failed_is_tried_again_in_a_new_run(tmp_path: Path) -> None:
    failed = run(tmp_path, "failing")
    assert "agentkit resume" not in failed.stderr  # its outcome stands
    again = agentkit(tmp_path, *hinted(failed.stderr, "fork"))
    assert again.returncode == 1 and "run     a  broken 1" in again.stderr
    assert hinted(again.stderr, "fork") != hinted(failed.stderr, "fork")


def test_what_can_not_be_forked_or_replayed_is_said(tmp_path: Path) -> None:
    run(tmp_path, "looking")
    for arguments, said in (
        (("fork", "last", "nil"), "has no node 'nil'"),
        (("fork", "last", "rooms", "--set", "word"), "expected --set NAME=JSON"),
        (("fork", "last", "rooms", "--tool", "nil"), "unknown_tool"),
        (("replay", "nil"), "there is no run 'nil'"),
        (("replay", "last", "--save", "no/such/folder.jsonl"), "cannot write"),
        (("diff", "last", "nil"), "there is no run 'nil'"),
    ):
        done = agentkit(tmp_path, *arguments)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    other = agentkit(tmp_path, "replay", "last", "--agent", f"{AGENTS}:asking")
    assert (other.returncode, "the journal has" in other.stderr) == (1, True)


def test_runs_that_are_the_same_are_said_to_be(tmp_path: Path) -> None:
    run(tmp_path, "looking")
    assert "same plan, same nodes, same answer" in agentkit(tmp_path, "diff", "last", "last").stdout
