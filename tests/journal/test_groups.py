"""What a call came to waits a moment for others to share its commit; nothing else waits with it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agentkit.artifacts import FolderArtifacts
from agentkit.events import Event
from agentkit.journal import DurableJournal, sqlite_journal
from agentkit.media import Artifact
from agentkit.testing.journal import read, steps
from agentkit.types import Sync

pytestmark = pytest.mark.anyio

SYNCS: tuple[Sync, ...] = ("process", "power")
LONG = "so long that it goes to the artifact store " * 100


@dataclass(frozen=True)
class Watched:
    """An artifact store that says when a commit has begun: long values are stored at its start."""

    inner: FolderArtifacts
    begun: threading.Event = field(default_factory=threading.Event)

    def put(self, data: bytes, *, media_type: str, name: str = "") -> Artifact:
        self.begun.set()
        return self.inner.put(data, media_type=media_type, name=name)

    def put_file(self, path: Path, *, media_type: str | None = None) -> Artifact:
        return self.inner.put_file(path, media_type=media_type)

    def path(self, sha256: str) -> Path:
        return self.inner.path(sha256)

    def read(self, sha256: str) -> bytes:
        return self.inner.read(sha256)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(FolderArtifacts(tmp_path / "artifacts", sync="process"))


@pytest.fixture
def journal(tmp_path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> DurableJournal:
    """It would gather for an hour."""
    monkeypatch.setattr("agentkit.journal.writer.GATHER_S", 3600.0)
    return sqlite_journal(tmp_path / "journal.sqlite", watched, sync="process")


def ended(seq: int) -> Event:
    return Event("r1", seq, 0.0, "node.ended", "n", {"status": "value", "value": LONG})


async def test_a_flush_does_not_wait_for_others(journal: DurableJournal) -> None:
    for event in steps("r1", 3):
        journal.append(event)
    await journal.flush()
    assert await read(journal, "r1") == steps("r1", 3)
    await journal.close()


async def test_the_receipt_of_an_effect_is_committed_at_once(
    journal: DurableJournal, watched: Watched
) -> None:
    journal.append(ended(1))
    journal.append(ended(2))
    assert not watched.begun.is_set()
    journal.append(Event("r1", 3, 0.0, "effect.receipt", "n", {"key": "k"}))
    assert watched.begun.wait(60)
    await journal.close()


async def test_closing_writes_what_had_gathered(journal: DurableJournal, watched: Watched) -> None:
    journal.append(ended(1))
    assert not watched.begun.is_set()
    await journal.close()
    assert [event.data["value"] for event in await journal.events("r1")] == [LONG]


async def test_what_has_gathered_is_committed_though_nobody_asks(
    tmp_path: Path, watched: Watched
) -> None:
    journal = sqlite_journal(tmp_path / "journal.sqlite", watched, sync="process")
    journal.append(ended(1))
    assert watched.begun.wait(60)
    await journal.close()


async def test_what_comes_while_a_group_is_taken_is_in_the_next(tmp_path: Path) -> None:
    """More at a stretch than a thread's turn lasts, so that both sides are met halfway."""
    journal = sqlite_journal(tmp_path / "journal.sqlite", FolderArtifacts(tmp_path), sync="process")
    for run in ("r1", "r2", "r3"):
        for seq in range(1, 20_001):
            journal.append(Event(run, seq, 0.0, "node.started", "n"))
        assert len(await journal.events(run)) == 20_000
    await journal.close()


async def log_bytes(folder: Path, sync: Sync) -> int:
    """The size of SQLite's log after a receipt was committed and then, on its own, flushed."""
    watched = Watched(FolderArtifacts(folder / "artifacts", sync="process"))
    journal = sqlite_journal(folder / "journal.sqlite", watched, sync=sync)
    journal.append(ended(1))
    journal.append(Event("r1", 2, 0.0, "effect.receipt", "n", {"key": "k"}))
    assert watched.begun.wait(60)  # what comes now comes in another commit
    await journal.flush()
    size = (folder / "journal.sqlite-wal").stat().st_size
    await journal.close()
    return size


async def test_a_flush_reaches_the_disk_though_all_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentkit.journal.writer.GATHER_S", 3600.0)
    sizes = {sync: await log_bytes(tmp_path / sync, sync) for sync in SYNCS}
    # A receipt is committed without a flush of the disk. SQLite flushes only where it writes, so
    # the flush that comes later writes one page, and only where a power cut is to be survived.
    assert sizes["power"] - sizes["process"] == 4096 + 24
