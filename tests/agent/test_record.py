"""Where a run's events come from, whichever thread they come from."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit import Agent, open_store, tool
from agentkit.journal import MemoryJournal
from agentkit.planners import Fixed
from agentkit.record import Recorder
from agentkit.testing import ScriptedModel
from agentkit.types import Json

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


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=30)
@given(JSON, st.integers(0, 3000))
def test_a_run_is_what_the_next_process_reads_of_it(value: Json, more: int) -> None:
    @tool(effect="read")
    async def look() -> Json:
        """Looks."""
        return [value, "x" * more]

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(folder, sync="process")
            planner = Fixed("a = look()\nb = [x for x in a]\nanswer('done')")
            agent = Agent(model=ScriptedModel(), tools=[look], planner=planner, store=store)
            found = await agent.run("Look.")
            assert await agent.resume(found.id) == found
            await store.close()

    asyncio.run(run())
