"""Two workers on PostgreSQL: one is stopped past its lease and continued, then the other is killed.

All runs finish, no node ends twice, and whoever has lost a lease writes nothing. How soon runs are
taken over is measured by `benchmarks/takeover.py`.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agentkit.events import Event
from tests.crash.journals import ended
from tests.crash.worker_agent import STEPS, agent, asking, deadly, gate, patient, telling
from tests.crash.workers import command, events_of, submit, worker
from tests.postgres import cluster

RUNS = 16
LEASE_S = 1.0
OPTIONS = ("-n", str(RUNS), "--lease", str(LEASE_S), "--deaths", "9")


def test_runs_of_a_stopped_and_of_a_killed_worker_are_taken_over(
    postgres: str, tmp_path: Path
) -> None:
    with gate(tmp_path) as shut, worker(tmp_path, postgres, *OPTIONS) as b:
        runs = submit(tmp_path, postgres, agent, RUNS // 2)
        b.until(*(f"{run}: begun" for run in runs))
        with worker(tmp_path, postgres, *OPTIONS) as a:
            runs += submit(tmp_path, postgres, agent, RUNS // 2)
            b.signal(signal.SIGSTOP)
            a.until(*(f"{run}: begun" for run in runs))
            since = len(b.lines)
            b.signal(signal.SIGCONT)
            b.until("beginning anew", since=since)
            since = len(b.lines)
            a.signal(signal.SIGKILL)
        before = events_of(tmp_path, postgres, runs)
        assert all(events[-1].type != "run.ended" for events in before.values())
        b.until(*(f"{run}: begun" for run in runs), since=since)
        shut.close()
        b.until(*(f"{run}: answered" for run in runs), since=since)
        b.signal(signal.SIGTERM)
        assert b.process.wait(timeout=30) == 0
        for run, events in events_of(tmp_path, postgres, runs).items():
            assert events[: len(before[run])] == before[run]
            assert_each_step_once(events, [a.process.pid, b.process.pid])
    assert len([*tmp_path.glob("kept-*.txt")]) == RUNS


def test_on_sqlite_another_worker_takes_over_too(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    with gate(tmp_path) as shut, worker(tmp_path, store, *OPTIONS) as a:
        runs = submit(tmp_path, store, agent, 4)
        a.until(*(f"{run}: begun" for run in runs))
        with worker(tmp_path, store, *OPTIONS) as b:
            a.signal(signal.SIGKILL)
            b.until(*(f"{run}: begun" for run in runs))
            shut.close()
            b.until(*(f"{run}: answered" for run in runs))
            b.signal(signal.SIGINT)
            assert b.process.wait(timeout=30) == 0
        for events in events_of(tmp_path, store, runs).values():
            assert_each_step_once(events, [a.process.pid, b.process.pid])


def test_a_run_that_kills_its_workers_fails_and_the_others_do_not(tmp_path: Path) -> None:
    """All of them die with the first two workers; then each goes on alone."""
    store = str(tmp_path / "store")
    options = ("--lease", "4")  # one that is over while its worker lives would count as a death
    with gate(tmp_path) as shut:
        others = submit(tmp_path, store, patient, 2)
        (run,) = submit(tmp_path, store, deadly, 1)
        for _ in range(2):
            with worker(tmp_path, store, *options) as each:
                each.until(f"{run}: begun")
                assert each.process.wait(timeout=60) == -signal.SIGKILL
        shut.close()
        with worker(tmp_path, store, *options) as third:
            assert third.process.wait(timeout=60) == -signal.SIGKILL
            assert_one_after_the_other(third.rest())
        with worker(tmp_path, store, *options) as last:
            last.until(f"{run}: RunError: the last 3 workers")
            last.signal(signal.SIGTERM)
            assert last.process.wait(timeout=30) == 0
            assert_one_after_the_other(last.rest())
    found = events_of(tmp_path, store, [run, *others])
    assert [found[each][-1].data["status"] for each in others] == ["answered"] * 2
    assert sum(event.type == "run.resumed" for event in found[run]) == 3
    assert found[run][-1].data["status"] == "failed"
    assert f"agentkit resume {run}" in str(found[run][-1].data["error"])
    assert "the last 3 workers" in command(tmp_path, "show", run, "--store", store)


def test_submitted_tasks_begin_when_they_may(tmp_path: Path) -> None:
    """From the command line: at once, at a moment that has passed, and not long before theirs. The
    turns of a session are told to the next task of it."""
    store, told = str(tmp_path / "store"), ("--agent", f"{telling.origin}")
    where = ("--store", store)
    command(tmp_path, "submit", "Later.", *told, "--at", "2096-01-01T00:00Z", *where)
    later, _, _, listed, *_ = command(tmp_path, "runs", *where).split()
    assert listed == "scheduled"
    never = command(tmp_path, "submit", "Never.", *told, "--after", "9999d", *where).strip()
    with worker(tmp_path, store) as one:
        first = command(tmp_path, "submit", "First.", *told, "--session", "s", *where).strip()
        one.until(f"{first}: answered")
        past = ("--at", "2026-01-01T09:30:00+01:00", "--value", "n=3", "--session", "s")
        second = command(tmp_path, "submit", "Second.", *told, *past, *where).strip()
        one.until(f"{second}: answered")
        alone = command(tmp_path, "submit", "Third.", *told, *where).strip()
        one.until(f"{alone}: answered")
        one.signal(signal.SIGTERM)
        assert one.process.wait(timeout=30) == 0
    found = events_of(tmp_path, store, [later, never, first, second, alone])
    assert [len(found[run]) for run in (later, never)] == [1, 1]
    assert found[later][0].data["wake_at"] == 3976214400
    assert found[second][0].data["wake_at"] == 1767256200
    knows = [found[run][-1].data["answer"] for run in (first, second, alone)]
    assert knows == ["True", "True", "False"]


def assert_one_after_the_other(lines: Sequence[str]) -> None:
    """No run was begun while another one was carried on."""
    begun = [at for at, line in enumerate(lines) if ": begun by" in line]
    for at in begun[:-1]:
        run = lines[at].split(":")[0]
        assert lines[at + 1].startswith(f"{run}: "), lines
        assert ": begun by" not in lines[at + 1], lines


def assert_each_step_once(events: Sequence[Event], workers: Sequence[int]) -> None:
    """The run is answered, and what follows a claim is written by the claimant alone."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].data["status"] == "answered"
    assert ended(events) == Counter([*(f"s{n}" for n in range(STEPS)), "kept"])
    writers: list[set[object]] = []
    for event in events:
        if event.type == "run.resumed":
            writers.append(set())
        elif event.type == "node.ended":
            writers[-1].add(event.data["value"])
    assert all(len(each) < 2 for each in writers), writers
    assert set[object]().union(*writers) <= {*workers}


def test_a_run_that_waits_survives_a_restart_of_everything(tmp_path: Path) -> None:
    """The server too: another process approves, a third one goes on."""
    with cluster() as server:
        url = server.url
        with worker(tmp_path, url) as first:
            (run,) = submit(tmp_path, url, asking, 1)
            first.until(f"{run}: the run waits for approval of sent (send)")
            first.signal(signal.SIGTERM)
            assert first.process.wait(timeout=30) == 0
        server.restart()
        with worker(tmp_path, url) as second:
            command(tmp_path, "approve", run, "sent", "--set", "to=Bob", "--store", url)
            second.until(f"{run}: answered")
        assert "sent to Bob" in command(tmp_path, "show", run, "--store", url)
    assert (tmp_path / "letters.txt").read_text() == "Bob\n"
