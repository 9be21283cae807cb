"""A folder of artifacts: every file is named by the sha256 of its bytes, in 256 sub-folders.

A file appears whole or not at all: it is written under a temporary name, made durable, and
renamed. Files are read-only and never change, so the same bytes are stored once, and any number
of processes may share the folder.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Generator, Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from agentkit import sniff
from agentkit.errors import StoreError, UsageError
from agentkit.media import Artifact
from agentkit.protocols import Swept
from agentkit.types import Sync

_CHUNK_BYTES = 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


class FolderArtifacts:
    """Artifacts in a folder, made at the first `put`. Methods block: call them from a thread
    where the bytes are many.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = FolderArtifacts(folder)
    ...     note = store.put(b"buy milk", media_type="text/plain", name="note.txt")
    ...     note.size_bytes, note.preview, store.read(note.sha256)
    (8, 'buy milk', b'buy milk')
    """

    def __init__(self, folder: str | os.PathLike[str], *, sync: Sync = "power") -> None:
        self.folder = Path(folder)
        self._sync: Sync = sync
        self._durable_folders: set[Path] = set()

    def put(self, data: bytes, *, media_type: str, name: str = "") -> Artifact:
        """Stores the bytes (once) and gives their handle. Raises `StoreError`."""
        sha256 = hashlib.sha256(data).hexdigest()
        target = self._target(sha256)
        with self._storing():
            if _renewed(target, len(data)):
                self._keep_name(target)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                with _temporary(target.parent) as file:
                    file.write(data)
                    self._publish(file, target)
        return _handle(sha256, media_type, name, data[: sniff.HEAD_BYTES], len(data))

    def put_file(self, path: Path, *, media_type: str | None = None) -> Artifact:
        """Stores a file's bytes in one streamed pass.

        The media type is guessed from name and content if not given. Raises `UsageError` where
        the file cannot be read, `StoreError` where it cannot be stored.
        """
        with _opened(path) as source, self._storing():
            self.folder.mkdir(parents=True, exist_ok=True)
            with _temporary(self.folder) as file:
                head = _read(source, sniff.HEAD_BYTES, path)
                digest, size_bytes = hashlib.sha256(), 0
                for chunk in _chunks(head, source, path):
                    digest.update(chunk)
                    size_bytes += len(chunk)
                    file.write(chunk)
                sha256 = digest.hexdigest()
                target = self._target(sha256)
                if _renewed(target, size_bytes):
                    self._keep_name(target)
                else:
                    target.parent.mkdir(exist_ok=True)
                    self._publish(file, target)
        kind = media_type or sniff.media_type(path.name, head, size_bytes=size_bytes)
        return _handle(sha256, kind, path.name, head, size_bytes)

    def path(self, sha256: str) -> Path:
        """A local, read-only file with the bytes. Raises `StoreError` if there are none."""
        target = self._target(sha256)
        if not target.is_file():
            raise StoreError(
                f"no artifact {sha256} in {self.folder}: it was removed, or the run belongs to "
                "another store folder; run the task again"
            )
        return target

    def read(self, sha256: str) -> bytes:
        """The bytes, verified. Raises `StoreError` if absent or altered."""
        target = self.path(sha256)
        try:
            data = target.read_bytes()
        except OSError as error:
            raise StoreError(f"cannot read {target}: {_why(error)}; check the disk") from error
        _verify(target, hashlib.sha256(data).hexdigest(), sha256)
        return data

    def sweep(self, keep: Set[str], *, before: float, dry_run: bool = False) -> Swept:
        """Removes what is not to keep and was last stored before that time; files that a crash left
        half written go too. Whenever it is stopped, every file is there or is not.

        A writer in another process may go on: it and the sweep lock a sub-folder in turn.
        """
        count = size_bytes = 0
        with self._storing():
            for folder in (self.folder, *sorted(self.folder.glob("[0-9a-f][0-9a-f]"))):
                for target, found in _swept(folder, keep, before=before, dry_run=dry_run):
                    count += not target.name.startswith(".")
                    size_bytes += found
        return Swept(artifacts=count, size_bytes=size_bytes)

    def stored(self) -> Iterator[str]:
        """The sha256 of every artifact here, damaged or not."""
        for target in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            if _SHA256.fullmatch(sha256 := target.parent.name + target.name):
                yield sha256

    def verify(self, sha256: str) -> None:
        """Reads the bytes. Raises `StoreError` if absent or altered."""
        target = self.path(sha256)
        try:
            with target.open("rb") as file:
                _verify(target, hashlib.file_digest(file, "sha256").hexdigest(), sha256)
        except OSError as error:
            raise StoreError(f"cannot read {target}: {_why(error)}; check the disk") from error

    def _target(self, sha256: str) -> Path:
        # Hashes come back from events and plans: one that is a path must not leave the folder.
        if not _SHA256.fullmatch(sha256):
            raise StoreError(f"expected a sha256 of 64 hexadecimal digits, got {sha256!r}")
        return self.folder / sha256[:2] / sha256[2:]

    def _keep_name(self, target: Path) -> None:
        """Of a new file, and of one that is here: a crash or a failed flush may have named it."""
        if self._sync != "power":
            return
        _fsync_folder(target.parent)
        if target.parent not in self._durable_folders:
            # A new folder is a new name in the one above it, which a power cut may forget.
            _fsync_folder(self.folder)
            _fsync_folder(self.folder.parent)
            self._durable_folders.add(target.parent)

    def _publish(self, file: BinaryIO, target: Path) -> None:
        file.flush()
        os.fchmod(file.fileno(), 0o444)
        if self._sync == "power":
            os.fsync(file.fileno())
        with _locked(target.parent):
            os.replace(file.name, target)
        self._keep_name(target)

    @contextmanager
    def _storing(self) -> Generator[None, None, None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cannot store an artifact in {self.folder}: {_why(error)}; {_remedy(error)}"
            ) from error


def _verify(target: Path, found: str, sha256: str) -> None:
    if found != sha256:
        raise StoreError(
            f"{target} is damaged: its bytes no longer match its name; restore it from a "
            "backup, or remove it and run the task again"
        )


def _handle(sha256: str, media_type: str, name: str, head: bytes, size_bytes: int) -> Artifact:
    return Artifact(
        sha256=sha256,
        media_type=media_type,
        size_bytes=size_bytes,
        name=name,
        preview=sniff.preview(media_type, head, size_bytes=size_bytes),
    )


def _renewed(target: Path, size_bytes: int) -> bool:
    """Whether the bytes are here; then they count as stored now, and no sweep takes them."""
    if not _holds(target, size_bytes):
        return False
    with _locked(target.parent):  # else they might be swept between the two lines below
        if not _holds(target, size_bytes):
            return False
        os.utime(target)
        return True


def _swept(folder: Path, keep: Set[str], *, before: float, dry_run: bool) -> list[tuple[Path, int]]:
    """The files of one folder that a sweep takes, with their sizes."""
    gone: list[tuple[Path, int]] = []
    if not folder.is_dir():
        return gone
    with _locked(folder, alone=True):
        for target in sorted(each for each in folder.iterdir() if each.is_file()):
            found = target.stat()
            if folder.name + target.name in keep or found.st_mtime >= before:
                continue
            gone.append((target, found.st_size))
            if not dry_run:
                target.unlink()
    return gone


@contextmanager
def _locked(folder: Path, *, alone: bool = False) -> Generator[None, None, None]:
    """Writers beside one another, or one sweep alone. A process that dies lets go of its lock."""
    from fcntl import LOCK_EX, LOCK_SH, flock

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flock(descriptor, LOCK_EX if alone else LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _holds(target: Path, size_bytes: int) -> bool:
    # A length that differs is the trace of a power cut under sync="process": write it again.
    try:
        return target.stat().st_size == size_bytes
    except OSError:
        return False


@contextmanager
def _temporary(folder: Path) -> Generator[BinaryIO, None, None]:
    """A new file in `folder`, removed at the end unless `os.replace` moved it meanwhile."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".tmp")
    try:
        os.close(descriptor)
        with open(name, "wb") as file:
            yield file
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _opened(path: Path) -> Generator[BinaryIO, None, None]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    with file:
        yield file


def _read(source: BinaryIO, size_bytes: int, path: Path) -> bytes:
    try:
        return source.read(size_bytes)
    except OSError as error:
        raise _unreadable(path, error) from error


def _chunks(head: bytes, source: BinaryIO, path: Path) -> Iterable[bytes]:
    chunk = head
    while chunk:
        yield chunk
        chunk = _read(source, _CHUNK_BYTES, path)


def _unreadable(path: Path, error: OSError) -> UsageError:
    if error.errno == errno.ENOENT:
        return UsageError(f"no file at {str(path)!r}: check the path")
    if error.errno == errno.EISDIR:
        return UsageError(f"expected a file, but {str(path)!r} is a folder: name a file in it")
    return UsageError(f"cannot read {str(path)!r}: {_why(error)}; check the file")


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some room and resume the run, or choose another store folder"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "make the folder writable, or choose another store folder"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "a file is where the folder should be: remove it, or choose another store folder"
    return "check the disk, or choose another store folder"
