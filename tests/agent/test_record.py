"""Where a run's events come from, whichever thread they come from."""

from __future__ import annotations

import sys
from threading import Thread

import pytest

from agentkit.journal import MemoryJournal
from agentkit.record import Recorder

pytestmark = pytest.mark.anyio


async def test_events_of_several_threads_are_numbered_as_they_are_kept() -> None:
    journal = MemoryJournal()
    recorder = Recorder("r", journal, lambda: 0.0)

    def record() -> None:
        for _ in range(2000):
            recorder.record("node.started", "n")

    threads = [Thread(target=record) for _ in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert [event.seq for event in await journal.events("r")] == [*range(1, 8001)]
