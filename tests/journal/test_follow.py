"""A tail that begins while its run goes on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agentkit.events import Event
from agentkit.journal.follow import Followers, follow

pytestmark = pytest.mark.anyio

CREATED = Event(run="r", seq=1, time=0.0, type="run.created", data={"task": "?"})
STARTED = Event(run="r", seq=2, time=0.0, type="node.started", node="a")
TEXT = Event(run="r", seq=0, time=0.0, type="answer.text", data={"text": "42"})
ENDED = Event(run="r", seq=3, time=0.0, type="run.ended", data={"status": "answered"})


@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize("before", range(5))
async def test_what_comes_during_the_first_read_comes_once_and_in_order(
    before: int, after: int
) -> None:
    """However much was stored before: what is never stored is not lost because the run was fast."""
    run = [CREATED, STARTED, TEXT, ENDED]
    followers = Followers()

    async def read(since: int) -> Sequence[Event]:
        for event in run[before:]:
            followers.push(event)
        return [event for event in run if event.seq > since]

    tail = follow(followers, "r", after=after, read=read, failure=lambda: None)
    came = [event async for event in tail]
    live = run[before:]
    assert came == [event for event in run if event.seq > after or (event is TEXT and TEXT in live)]
