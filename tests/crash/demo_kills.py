"""The demo with its model, killed at 20 random moments, with 5 kills in each of 4 runs.

`make torture` runs it: minutes. That an example with the model goes on where it is killed is part
of `make test-models`, that a scripted agent does at 20 moments of `make test`.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.crash.journals import ended, journal
from tests.examples.process import DEMO, REPLAY, RESUME, finished, killed

KILLS = 20
KILLS_A_RUN = 5
SECONDS = 25.0
"""The demo is killed within so many seconds of its start, or of its being resumed."""


@pytest.mark.parametrize("seed", range(KILLS // KILLS_A_RUN))
def test_it_goes_on_wherever_it_is_killed(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    for _ in range(KILLS_A_RUN):
        killed(RESUME if journal(tmp_path) else DEMO, tmp_path, chance.uniform(0.5, SECONDS))
        assert set(ended(journal(tmp_path)).values()) <= {1}
    assert "195" in finished(RESUME if journal(tmp_path) else DEMO, tmp_path)
    events = journal(tmp_path)
    assert set(ended(events).values()) == {1}
    last_end = {event.node: event.seq for event in events if event.type == "node.ended"}
    started = [(event.node, event.seq) for event in events if event.type == "node.started"]
    assert all(seq < last_end[node] for node, seq in started), "a node ran again after its outcome"
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert "identical" in finished(REPLAY, tmp_path)
