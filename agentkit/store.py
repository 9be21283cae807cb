"""A store: a journal and its artifacts, in one folder, or a database and a folder.

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
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from agentkit.artifacts import FolderArtifacts
from agentkit.errors import StoreError, UsageError
from agentkit.journal import MemoryJournal, sqlite_journal
from agentkit.journal.queue import SqliteQueue
from agentkit.protocols import Journal, OwnedArtifacts, RunQueue
from agentkit.types import Sync

DEFAULT_FOLDER = ".agentkit"

MEMORY = "memory"

_URL = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What an agent keeps: a journal, artifacts, and the folder for whatever else it caches.

    `queue` is what workers claim runs from; a store in memory has none.
    """

    folder: Path
    journal: Journal
    artifacts: OwnedArtifacts
    queue: RunQueue | None = None
    discard: Callable[[], object] | None = None
    """Removes the folder of a store in memory; called by `close`, or when nobody holds it."""
    live: set[str] = field(default_factory=set[str], repr=False, compare=False)
    """The runs that are carried on with this very object: nobody else begins with them."""

    async def close(self) -> None:
        """Flush and let go of everything; a store in memory is gone. Raises `StoreError`."""
        try:
            await self.journal.close()
        finally:
            if self.discard is not None:
                self.discard()


def open_store(
    where: str | os.PathLike[str] = DEFAULT_FOLDER,
    *,
    artifacts: str | os.PathLike[str] | None = None,
    sync: Sync = "power",
) -> Store:
    """The store in a folder, made if need be, or in a PostgreSQL database, `postgresql://…`;
    `"memory"` gives one that leaves nothing behind.

    `artifacts` is the folder for artifacts, or its `file://` URL, where they are not to be in the
    store's own; all processes of a database need the same one, and the default is `.agentkit`.
    Raises `StoreError` if the store cannot be used or its journal is damaged or too new, and
    `UsageError` where it is another URL.

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
    folder = local_folder(where)
    kept = FolderArtifacts(
        folder / "artifacts" if artifacts is None else _folder_of(artifacts), sync=sync
    )
    if is_url(where):
        from agentkit.journal.postgres import postgres_journal
        from agentkit.journal.postgres_queue import PostgresQueue
        from agentkit.journal.server import Server

        server = Server(str(where), sync=sync)
        journal = postgres_journal(server, kept)
        queue: RunQueue = PostgresQueue(server, journal.writer)
    else:
        path = folder / "journal.sqlite"
        journal = sqlite_journal(path, kept, sync=sync)
        queue = SqliteQueue(path, journal.writer)
    return Store(folder=folder, journal=journal, artifacts=kept, queue=queue)


def is_url(where: str | os.PathLike[str]) -> bool:
    """Whether it names a database rather than a folder. Raises `UsageError` for any other URL."""
    if not isinstance(where, str) or "://" not in where:
        return False
    if not where.startswith(_URL):
        # What follows the scheme may hold a password.
        scheme = where.partition("://")[0]
        raise UsageError(f"expected a store as a folder or postgresql://…; came {scheme}://…")
    return True


def local_folder(where: str | os.PathLike[str]) -> Path:
    """Where a store keeps what is made again when it is removed."""
    return Path(DEFAULT_FOLDER if is_url(where) else where)


def _folder_of(artifacts: str | os.PathLike[str]) -> Path:
    text = os.fspath(artifacts)
    if text.startswith("file:"):
        return Path(unquote(urlsplit(text).path))
    if "://" in text:
        raise UsageError(f"expected artifacts as a folder or file:///FOLDER; got {text}")
    return Path(text)


def _in_memory() -> Store:
    try:
        folder = Path(tempfile.mkdtemp(prefix="agentkit-"))
    except OSError as error:
        raise StoreError(f"cannot make a temporary folder: {error.strerror}") from error
    artifacts = FolderArtifacts(folder / "artifacts", sync="process")
    discard = weakref.finalize(artifacts, shutil.rmtree, folder, ignore_errors=True)
    return Store(folder=folder, journal=MemoryJournal(), artifacts=artifacts, discard=discard)
