"""The index of `search` when its writer is killed, and while others read it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.disk import missing
from tests.crash.index_writes import Trial, write
from tests.processes import LONGEST_S, finished

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(bool(missing()), reason=missing() or "")
def test_a_writer_killed_at_any_instant_leaves_the_old_index_or_the_new_one() -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.crash.index_writes"]
    done = finished(command, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    kills = json.loads(done.stdout)
    assert kills["kill"] >= 4, "create, write, sync, rename"
    assert kills["tear"] >= 4
    assert kills["embedding"] == 7, "six passages and the query"


def test_processes_read_whole_indexes_while_one_writes(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    command = [sys.executable, "-W", "error", "-m", "tests.crash.index_reads"]
    command += [str(trial.index), "last"]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as one,
        subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as other,
    ):
        readers = (one, other)
        assert [next_said(reader) for reader in readers] == ["old"] * 2
        # Each is of another length: of files of the same one only the clock says that they changed,
        # and it stands still for some milliseconds. All are seen: the next is written beside reads.
        for version in (*(f"version-{'i' * n}" for n in range(20)), "last"):
            write(trial.docs, version)
            assert version in trial.first()
            assert [next_said(reader) for reader in readers] == [version] * 2
        for reader in readers:
            _, said = reader.communicate(timeout=LONGEST_S)
            assert reader.returncode == 0, said


def next_said(reader: subprocess.Popen[str]) -> str:
    """The next version that it has read; why it ended if there is none."""
    assert reader.stdout is not None and reader.stderr is not None
    line = reader.stdout.readline()
    assert line, reader.stderr.read()
    return line.strip()
