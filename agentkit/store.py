"""A store: one folder with a journal and its artifacts.

.agentkit/
    journal.sqlite      events of runs, cached values
    artifacts/          bytes, by their sha256
    index/, cache/      what tools and models keep there, made again when removed
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agentkit.artifacts import FolderArtifacts
from agentkit.errors import StoreError
from agentkit.journal import MemoryJournal, SqliteJournal
from agentkit.protocols import ArtifactStore, Journal
from agentkit.types import Sync

DEFAULT_FOLDER = ".agentkit"

MEMORY = "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What an agent keeps: a journal, artifacts, and the folder for whatever else it caches."""

    folder: Path
    journal: Journal
    artifacts: ArtifactStore
    discard: Callable[[], object] | None = None
    """Removes the folder of a store in memory; called by `close`, or when nobody holds it."""

    async def close(self) -> None:
        """Flush and let go of everything; a store in memory is gone. Raises `StoreError`."""
        try:
            await self.journal.close()
        finally:
            if self.discard is not None:
                self.discard()


def open_store(where: str | os.PathLike[str] = DEFAULT_FOLDER, *, sync: Sync = "power") -> Store:
    """The store in a folder, made if need be; `"memory"` gives one that leaves nothing behind.

    Raises `StoreError` if the folder cannot be used or its journal is damaged or too new.

    ```python
    import asyncio
    from agentkit.store import open_store

    store = open_store("memory")
    note = store.artifacts.put(b"buy milk", media_type="text/plain")
    assert store.artifacts.read(note.sha256) == b"buy milk"
    asyncio.run(store.close())
    ```
    """
    if where == MEMORY:
        return _in_memory()
    folder = Path(where)
    artifacts = FolderArtifacts(folder / "artifacts", sync=sync)
    journal = SqliteJournal(folder / "journal.sqlite", artifacts, sync=sync)
    return Store(folder=folder, journal=journal, artifacts=artifacts)


def _in_memory() -> Store:
    try:
        folder = Path(tempfile.mkdtemp(prefix="agentkit-"))
    except OSError as error:
        raise StoreError(f"cannot make a temporary folder: {error.strerror}") from error
    artifacts = FolderArtifacts(folder / "artifacts", sync="process")
    discard = weakref.finalize(artifacts, shutil.rmtree, folder, ignore_errors=True)
    return Store(folder=folder, journal=MemoryJournal(), artifacts=artifacts, discard=discard)
