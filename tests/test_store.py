"""Opening a store: a folder that stays, or one that leaves nothing behind."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from agentkit.errors import StoreError, UsageError
from agentkit.events import Event
from agentkit.journal import DurableJournal, MemoryJournal
from agentkit.store import open_store

pytestmark = pytest.mark.anyio

CREATED = Event("r1", 1, 0.0, "run.created", data={"task": "t" * 2000})


async def test_a_folder_is_made_and_kept(tmp_path: Path) -> None:
    store = open_store(tmp_path / "deep" / "store")
    assert isinstance(store.journal, DurableJournal)
    store.journal.append(CREATED)
    note = store.artifacts.put(b"note", media_type="text/plain")
    await store.close()
    again = open_store(str(tmp_path / "deep" / "store"))
    assert await again.journal.events("r1") == [CREATED]
    assert again.artifacts.read(note.sha256) == b"note"
    await again.close()


async def test_memory_leaves_nothing_behind() -> None:
    store = open_store("memory")
    assert isinstance(store.journal, MemoryJournal)
    store.artifacts.put(b"note", media_type="text/plain")
    folder = store.folder
    assert folder.exists()
    await store.close()
    assert not folder.exists()


def test_memory_that_nobody_closed_is_removed_too() -> None:
    store = open_store("memory")
    artifacts, folder = store.artifacts, store.folder
    del store
    gc.collect()
    artifacts.put(b"note", media_type="text/plain")
    assert folder.exists()
    del artifacts
    gc.collect()
    assert not folder.exists()


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot open the store .*choose a store folder"):
        open_store(tmp_path / "file" / "store")


@pytest.mark.parametrize("where", ["file:///runs", "sqlite:///runs.db", "postgresql+x://a:b@c/d"])
def test_a_url_that_is_no_database_is_not_taken_for_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"expected a store as a folder or postgresql://…; came"):
        open_store(where)
    assert [*tmp_path.iterdir()] == []
