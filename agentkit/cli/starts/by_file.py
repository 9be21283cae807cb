"""Starts by the files of a folder: each new or changed one, once nobody writes to it any more."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path

from agentkit.cli.starts.start import Start, start_with
from agentkit.engine.tasks import Tasks
from agentkit.errors import MissingExtra, UsageError

QUIET_S = 2.0
"""A file is complete when nothing has happened to it for so long."""

_UNFINISHED = (".part", ".partial", ".crdownload", ".tmp", ".swp", "~")
_AT_ONCE_BYTES = 1 << 20


async def by_file(
    folder: Path,
    changes: AsyncGenerator[Iterable[Path], None],
    key: str,
    offer: Callable[[Start], Awaitable[None]],
) -> None:
    """Offers a start for each file of the folder, those first that are there already, until this is
    cancelled. `changes` gives the paths to which something has happened."""
    loop, tasks = asyncio.get_running_loop(), Tasks()
    async with aclosing(changes):
        try:
            coming = tasks.spawn(_next(changes))
            await asyncio.sleep(0)  # watches now: no file falls between the list and the watching
            there = await asyncio.to_thread(lambda: sorted(folder.iterdir()))
            quiet_at = dict.fromkeys(there, loop.time() + QUIET_S)
            while True:
                wait_s = min(quiet_at.values()) - loop.time() if quiet_at else None
                done, _ = await asyncio.wait([coming], timeout=wait_s)
                if done:
                    quiet_at.update(dict.fromkeys(coming.result(), loop.time() + QUIET_S))
                    coming = tasks.spawn(_next(changes))
                for path in [one for one, at in quiet_at.items() if at <= loop.time()]:
                    del quiet_at[path]
                    content = await asyncio.to_thread(sha256_of, path)
                    if content is not None:
                        await offer(start_with(path, content, key))
        finally:
            await tasks.close()


async def _next(changes: AsyncGenerator[Iterable[Path], None]) -> Iterable[Path]:
    return await anext(changes)


def sha256_of(path: Path) -> str | None:
    """The hash of the file's content; None where it is no file to take: gone, empty, hidden, a
    link, or by its name not finished."""
    if path.name.startswith(".") or path.name.endswith(_UNFINISHED) or path.is_symlink():
        return None
    try:
        if not path.is_file() or not path.stat().st_size:
            return None
        found = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(_AT_ONCE_BYTES):
                found.update(piece)
    except OSError:
        return None
    return found.hexdigest()


async def changes_in(folder: Path) -> AsyncGenerator[Sequence[Path], None]:
    """The paths in the folder, not below it, that are written to, as the system tells it.

    Raises `UsageError` where the folder goes: nothing is told of another one in its place.
    """
    from watchfiles import (
        Change,
        awatch,  # pyright: ignore[reportUnknownVariableType] - trio's events
    )

    watching = awatch(folder, watch_filter=None, recursive=False, force_polling=False)
    async with aclosing(watching) as found:
        async for changes in found:
            if _is_among(folder, (path for change, path in changes if change == Change.deleted)):
                raise UsageError(
                    f"--watch: the folder {folder} was removed or renamed; make it again, then "
                    "start this command again: it takes the files that have no run yet"
                )
            yield sorted(Path(path) for change, path in changes if change != Change.deleted)


def _is_among(folder: Path, paths: Iterable[str]) -> bool:
    itself = (folder.absolute(), folder.resolve())
    return any(Path(path).absolute() in itself for path in paths)


def require_watchfiles() -> None:
    """Raises `MissingExtra`."""
    from importlib.util import find_spec

    if find_spec("watchfiles") is None:
        raise MissingExtra("--watch", "watchfiles", "watch")
