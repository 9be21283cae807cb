"""Any interleaving of appending, flushing, reading, following and reopening shows one sequence."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.artifacts import FolderArtifacts
from agentkit.errors import StoreError
from agentkit.events import Event
from agentkit.journal import MemoryJournal, sqlite_journal
from agentkit.journal.codec import decode, dumps, fields, spill
from agentkit.protocols import Journal
from agentkit.testing.journal import collect, ended, read
from agentkit.types import Json

RUNS = ("a", "b", "c")

Action = tuple[Literal["append", "burst", "flush", "read", "tail", "yield", "reopen"], str, int]

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["append", "burst", "flush", "read", "tail", "yield", "reopen"]),
        st.sampled_from(RUNS),
        st.integers(0, 12),
    ),
    max_size=40,
)

JSON: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None, categories=None))
    | st.integers(1000, 1100).map("x".__mul__),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)


class Script:
    """Plays actions on a journal beside a plain list for each run."""

    def __init__(self, open_journal: Callable[[], Journal]) -> None:
        self.open = open_journal
        self.journal = open_journal()
        self.expected: dict[str, list[Event]] = {run: [] for run in RUNS}
        self.tails: list[tuple[str, int, list[Event], asyncio.Task[None]]] = []

    def append(self, run: str, size: int) -> None:
        log = self.expected[run]
        value = "x" * (size * 200)
        event = Event(run, len(log) + 1, 0.5, "node.ended", f"n_{size}", {"value": value})
        self.journal.append(event)
        log.append(event)

    def follow(self, run: str, after: int) -> None:
        after = min(after, len(self.expected[run]))
        seen: list[Event] = []
        task = asyncio.create_task(collect(self.journal.tail(run, after=after), seen))
        self.tails.append((run, after, seen, task))

    async def play(self, kind: str, run: str, number: int) -> None:
        if kind == "append":
            self.append(run, number)
        elif kind == "burst":
            for size in range(number):
                self.append(RUNS[size % 3], size)
        elif kind == "flush":
            await self.journal.flush(run if number % 2 else None)
        elif kind == "read":
            assert await read(self.journal, run, after=number) == self.expected[run][number:]
        elif kind == "tail":
            self.follow(run, number)
        elif kind == "yield":
            await asyncio.sleep(0)
        elif not self.tails:
            await self.journal.close()
            self.journal = self.open()

    async def end(self) -> None:
        for run, log in self.expected.items():
            log.append(ended(run, len(log) + 1))
            self.journal.append(log[-1])
        for run, after, seen, task in self.tails:
            await task
            assert seen == self.expected[run][after:]
        for run, log in self.expected.items():
            assert await read(self.journal, run) == log
        await self.journal.close()


async def play(open_journal: Callable[[], Journal], actions: list[Action]) -> None:
    script = Script(open_journal)
    for kind, run, number in actions:
        await script.play(kind, run, number)
    await script.end()


@given(ACTIONS)
def test_memory_shows_one_sequence(actions: list[Action]) -> None:
    asyncio.run(play(MemoryJournal, [each for each in actions if each[0] != "reopen"]))


@given(ACTIONS)
@settings(max_examples=40, deadline=None)
def test_sqlite_shows_one_sequence(actions: list[Action]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        artifacts = FolderArtifacts(Path(folder, "artifacts"), sync="process")
        path = Path(folder, "journal.sqlite")
        asyncio.run(play(lambda: sqlite_journal(path, artifacts, sync="process"), actions))


@given(st.dictionaries(st.text(min_size=1), JSON, max_size=4))
@settings(max_examples=60, deadline=None)
def test_rows_decode_to_what_was_encoded(data: dict[str, Json]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        artifacts = FolderArtifacts(folder, sync="process")
        assert decode(dumps(data), artifacts) == data
        (row,) = spill([fields(data)], artifacts)
        row.encode()
        assert decode(row, artifacts) == data


def test_a_value_may_be_deep() -> None:
    value: Json = 1.2e-7
    for _ in range(300):
        value = [value]
    assert decode(dumps({"value": value}), FolderArtifacts("nowhere")) == {"value": value}


@pytest.mark.parametrize("row", ["", "[]", "{", '{"$spilled": 3}', '{"$spilled": {"a": 1}}'])
def test_a_damaged_row_is_said_to_be(row: str) -> None:
    with pytest.raises(StoreError):
        decode(row, FolderArtifacts("nowhere"))
