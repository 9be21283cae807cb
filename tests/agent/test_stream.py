"""A stream ends, however its run does: with its error, and never by waiting for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentkit import Agent, UsageError, open_store
from agentkit.events import Event
from agentkit.plan.graph import Patch
from agentkit.plan.problem import Problem
from agentkit.protocols import Brief
from agentkit.testing import Scripted, ScriptedModel

pytestmark = pytest.mark.anyio


class Panic(BaseException):
    """What extensions in Rust raise, and `except Exception` does not see."""


@dataclass
class Broken:
    """A planner with a mistake in it."""

    kind: type[BaseException]

    async def propose(self, brief: Brief) -> AsyncGenerator[Patch | Problem, None]:
        raise self.kind(f"turn {brief.turn} has no plan")
        yield Problem(kind="syntax", message="")  # makes it a generator


async def all_of(stream: AsyncGenerator[Event, None], into: list[Event]) -> None:
    async with asyncio.timeout(60):
        async for event in stream:
            into.append(event)


async def test_a_stream_that_cannot_begin_raises() -> None:
    agent = Agent(model=ScriptedModel(), store="memory")
    with pytest.raises(UsageError, match="there is no file nowhere.wav"):
        await all_of(agent.stream("Any.", inputs={"call": Path("nowhere.wav")}), [])
    with pytest.raises(UsageError, match="there is no run"):
        await all_of(agent.stream_resumed("unknown"), [])


@pytest.mark.parametrize("kind", [LookupError, Panic])
async def test_an_unforeseen_error_ends_the_run_in_the_journal_too(
    kind: type[BaseException],
) -> None:
    seen: list[Event] = []
    agent = Agent(model=ScriptedModel(), planner=Broken(kind), store="memory")
    with pytest.raises(kind, match="turn 0 has no plan"):
        await all_of(agent.stream("Any."), seen)
    assert seen[-1].type == "run.ended"
    assert (seen[-1].data["status"], seen[-1].data["kind"]) == ("failed", kind.__name__)


async def test_a_resumed_run_is_followed_past_its_former_end(tmp_path: Path) -> None:
    store, seen = open_store(tmp_path), list[Event]()
    slow = ScriptedModel(replies=[Scripted(text="# hm\n", endless=True)], tokens_per_s=0.1)
    stuck = Agent(model=slow, store=store)
    stream = stuck.stream("Say hello.")
    first = await anext(stream)
    await stream.aclose()
    (ended,) = [event for event in await store.journal.events(first.run) if "ended" in event.type]
    assert ended.data["status"] == "cancelled"
    agent = Agent(model=ScriptedModel(replies=['answer("hello")']), store=store)
    await all_of(agent.stream_resumed(first.run), seen)
    assert [event for event in seen if event.seq] == await store.journal.events(first.run)
    assert seen[-1].data["status"] == "answered"
    await store.close()
