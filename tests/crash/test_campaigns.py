"""The campaigns of this folder in short; with `AGENTKIT_TORTURE` set, in full (`make torture`).

Each runs in a process of its own, so that a crash of the interpreter is a failure too, and says
itself what did not hold.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from tests.crash.disk import missing
from tests.crash.kills import RESUMED
from tests.processes import LONGEST_S, finished

ROOT = Path(__file__).parents[2]
FULL = bool(os.environ.get("AGENTKIT_TORTURE"))
KILLS = ("--kills", "2000" if FULL else "60")


def campaign(module: str, *short: str, full: tuple[str, ...] = ()) -> dict[str, Any]:
    """The report of a campaign in which nothing broke."""
    options = full if FULL else short
    done = finished(
        [sys.executable, "-W", "error", "-m", f"tests.crash.{module}", *options],
        timeout_s=None if FULL else LONGEST_S,
        cwd=ROOT,
        stderr=None if FULL else subprocess.PIPE,
    )
    assert done.stdout, f"no report, exit code {done.returncode}: {done.stderr}"
    if FULL:
        print(done.stdout)
    report = cast("dict[str, Any]", json.loads(done.stdout))
    assert report["broken"] == []
    assert done.returncode == 0, done.stderr
    return report


def test_sigkills_at_random_instants() -> None:
    report = campaign("kills", *KILLS, full=KILLS)
    assert report["kills"] >= int(KILLS[1])
    assert report["kills_of_resumed"] >= int(KILLS[1]) // RESUMED
    assert report["repeated"].get("once", 0) == 0


def test_sigkills_at_random_instants_with_postgres(postgres: str) -> None:
    there = (*KILLS, "--store", postgres)
    report = campaign("kills", *there, full=there)
    assert report["kills"] >= int(KILLS[1])
    assert report["kills_of_resumed"] >= int(KILLS[1]) // RESUMED
    assert report["repeated"].get("once", 0) == 0


@pytest.mark.skipif(bool(missing()), reason=missing() or "")
def test_a_kill_or_a_failure_at_every_operation_of_the_disk() -> None:
    report = campaign("every_write", "--sample", "5")
    assert sum(report["kills"].values()) > 15
    assert report["kills_in_recovery"] > 10
    assert report["refused"] > 10
    assert not FULL or report["slowest_recovery_s"] < 1


@pytest.mark.skipif(bool(missing()), reason=missing() or "")
def test_a_failed_sync_stops_the_writer() -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.crash.failed_sync"]
    done = finished(command, cwd=ROOT)
    assert done.stdout.startswith("stopped: "), done.stderr


def test_a_store_that_is_cut_or_altered() -> None:
    report = campaign("damage", "--cuts", "60", "--flips", "200")
    assert sum(report["done"].values()) > 380
    assert report["refused"] > 100
    assert report["prefix"] > 60
