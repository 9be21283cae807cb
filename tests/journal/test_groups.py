"""What a call came to waits a moment for others to share its commit; nothing else waits with it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agentkit.artifacts import FolderArtifacts
from agentkit.events import Event
from agentkit.journal import SqliteJournal
from agentkit.media import Artifact
from agentkit.testing.journal import read, steps

pytestmark = pytest.mark.anyio

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
def journal(tmp_path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> SqliteJournal:
    """It would gather for an hour."""
    monkeypatch.setattr("agentkit.journal.writer.GATHER_S", 3600.0)
    return SqliteJournal(tmp_path / "journal.sqlite", watched, sync="process")


def ended(seq: int) -> Event:
    return Event("r1", seq, 0.0, "node.ended", "n", {"status": "value", "value": LONG})


async def test_a_flush_does_not_wait_for_others(journal: SqliteJournal) -> None:
    for event in steps("r1", 3):
        journal.append(event)
    await journal.flush()
    assert await read(journal, "r1") == steps("r1", 3)
    await journal.close()


async def test_the_receipt_of_an_effect_is_committed_at_once(
    journal: SqliteJournal, watched: Watched
) -> None:
    journal.append(ended(1))
    journal.append(ended(2))
    assert not watched.begun.is_set()
    journal.append(Event("r1", 3, 0.0, "effect.receipt", "n", {"key": "k"}))
    assert watched.begun.wait(10)
    await journal.close()


async def test_closing_writes_what_had_gathered(journal: SqliteJournal, watched: Watched) -> None:
    journal.append(ended(1))
    assert not watched.begun.is_set()
    await journal.close()
    assert [event.data["value"] for event in await journal.events("r1")] == [LONG]


async def test_what_has_gathered_is_committed_though_nobody_asks(
    tmp_path: Path, watched: Watched
) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite", watched, sync="process")
    journal.append(ended(1))
    assert watched.begun.wait(10)
    await journal.close()
