"""Conversations: turns of a session, within a budget, apart from other sessions, kept."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit import Agent, open_store
from agentkit.errors import RunError
from agentkit.journal.memory import MemoryJournal
from agentkit.memory import Conversation
from agentkit.messages import Profile
from agentkit.store import Store
from agentkit.testing import ScriptedModel

pytestmark = pytest.mark.anyio

TURNS = st.lists(st.tuples(st.text(min_size=1, max_size=30), st.text(max_size=30)), max_size=12)


@given(TURNS, st.integers(0, 100))
async def test_the_newest_turns_that_fit_are_recalled_in_order(
    turns: list[tuple[str, str]], most: int
) -> None:
    memory = Conversation(MemoryJournal(), most_tokens=most)
    for task, answer in turns:
        await memory.store(task, session="s", plan="", answer=answer)
    recalled = await memory.recall("next", session="s")
    said = [(turn.role, turn.content) for turn in recalled.history]
    kept = len(said) // 2
    newest = turns[len(turns) - kept :]
    assert said == [
        pair for task, answer in newest for pair in (("user", task), ("assistant", answer))
    ]
    assert sum(len(content) for _, content in said) <= 4 * most
    if kept < len(turns):
        one_more = turns[len(turns) - kept - 1 :]
        assert sum(len(task) + len(answer) for task, answer in one_more) > 4 * most


@pytest.mark.parametrize(("asked", "answered"), [(20, 9000), (9000, 20), (9000, 9000)])
async def test_the_newest_turn_is_cut_where_it_alone_is_too_long(asked: int, answered: int) -> None:
    memory = Conversation(MemoryJournal())
    await memory.store("before", session="s", plan="", answer="long ago")
    task, answer = "a" + "-" * asked + "b", "c" + "-" * answered + "d"
    await memory.store(task, session="s", plan="", answer=answer)
    history = (await memory.recall("next", session="s")).history
    assert sum(len(turn.content) for turn in history) <= 6000
    for turn, whole in zip(history, (task, answer), strict=True):
        found = turn.content
        assert (found[0], found[-1]) == (whole[0], whole[-1])
        assert found == whole if len(whole) < 100 else f"of {len(whole):,} characters" in found


@given(st.lists(st.tuples(st.sampled_from(["", "s", "S", "s ", "ß:1"]), st.text(min_size=1))))
async def test_sessions_are_apart(turns: list[tuple[str, str]]) -> None:
    memory = Conversation(MemoryJournal(), most_tokens=10**6)
    for session, task in turns:
        await memory.store(task, session=session, plan="", answer="")
    for session in {name for name, _ in turns}:
        recalled = await memory.recall("next", session=session)
        asked = [turn.content for turn in recalled.history if turn.role == "user"]
        assert asked == [task for name, task in turns if name == session]


async def test_a_run_without_a_session_is_not_kept() -> None:
    memory = Conversation(MemoryJournal())
    await memory.store("task", session=None, plan="", answer="answer")
    assert (await memory.recall("task", session=None)).history == ()


async def test_only_the_last_200_turns_stay() -> None:
    memory = Conversation(MemoryJournal(), most_tokens=10**6)
    for number in range(205):
        await memory.store(f"task {number}", session="s", plan="", answer="")
    history = (await memory.recall("next", session="s")).history
    assert len(history) == 400 and history[0].content == "task 5"


async def test_turns_that_end_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    store = open_store(tmp_path, sync="process")
    memory = Conversation(store.journal)
    await asyncio.gather(
        *(memory.store(f"task {n}", session="s", plan="", answer="") for n in range(10))
    )
    history = (await memory.recall("next", session="s")).history
    assert sorted(turn.content for turn in history if turn.content) == [
        f"task {n}" for n in range(10)
    ]
    await store.close()


def talking(store: Store, *replies: str, **options: Any) -> tuple[Agent[Any], ScriptedModel]:
    profile = options.pop("profile", Profile())
    model = ScriptedModel(replies=replies, profile=profile)
    memory = Conversation(store.journal, **options)
    return Agent(model=model, store=store, memory=[memory]), model


def read(model: ScriptedModel) -> str:
    return model.requests[0].messages[-1].content


async def test_a_conversation_goes_on_in_a_store_that_was_closed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    agent, _ = talking(store, 'answer("Hello Ida.")')
    await agent.run("My name is Ida.", session="ida")
    await store.close()
    store = open_store(tmp_path)
    agent, model = talking(store, 'answer("Ida.")')
    await agent.run("What is my name?", session="ida")
    assert "The conversation so far:\nuser: My name is Ida.\nassistant: Hello Ida." in read(model)
    for session in (None, "bo"):
        agent, model = talking(store, 'answer("I do not know.")')
        await agent.run("What is my name?", session=session)
        assert "Ida" not in read(model)
    await store.close()


async def test_what_a_planner_reads_is_what_was_recalled(tmp_path: Path) -> None:
    """Its budget is the memory's: 20 turns of 400 characters are within 2,500 tokens."""
    store = open_store(tmp_path, sync="process")
    memory = Conversation(store.journal)
    for number in range(20):
        await memory.store(f"task {number} " + "x" * 390, session="s", plan="", answer="ok")
    for most, first in ((2500, 0), (450, 16)):
        agent, model = talking(store, 'answer("x")', most_tokens=most)
        await agent.run("Next.", session="s")
        asked = [number for number in range(20) if f"user: task {number} " in read(model)]
        assert asked == list(range(first, 20))
    await store.close()


async def test_a_run_that_failed_is_no_turn(tmp_path: Path) -> None:
    store = open_store(tmp_path, sync="process")
    agent, _ = talking(store, "a = nothing()\n", "a = nothing()\n")
    with pytest.raises(RunError):
        await agent.run("My name is Ida.", session="s")
    agent, model = talking(store, 'answer("I do not know.")')
    await agent.run("What is my name?", session="s")
    assert "Ida" not in read(model)
    await store.close()
