"""Faults of a disk, by a small library that is preloaded (`disk.c`): at the k-th operation on a
folder the process dies, or the operation fails."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SOURCE = Path(__file__).with_name("disk.c")

How = Literal["count", "kill", "tear", "fail_once", "fail_on"]
"""`tear` does half of a write, then dies; `fail_on` fails from the k-th operation on."""

_NUMBER: dict[How, int] = {"count": 0, "kill": 1, "tear": 2, "fail_once": 3, "fail_on": 4}


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at which operation; `error` is the errno of those that fail."""

    how: How
    at: int = 0
    error: int = 0


def missing() -> str | None:
    """Why no fault can be made here; None where it can."""
    if not sys.platform.startswith("linux"):
        return "faults of the disk are made with LD_PRELOAD, on Linux"
    return None if shutil.which("cc") else "no C compiler (cc) to build tests/crash/disk.c with"


def quick() -> str | None:
    """A folder in memory, where a sync takes no time; None for the usual place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def preloaded() -> bool:
    """Whether the library is in this process."""
    return hasattr(ctypes.CDLL(None), "disk_arm")


def run_preloaded(module: str, arguments: Sequence[str]) -> int:
    """Runs a module with the library in its process, and gives its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "disk.so")
        compiler = ("cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl")
        subprocess.run(compiler, check=True)
        environment = {**os.environ, "LD_PRELOAD": str(library)}
        return subprocess.call([sys.executable, "-m", module, *arguments], env=environment)


def arm(folder: Path, fault: Fault, log: Path) -> None:
    """From now on, in this process. The operations that are met have a line each in `log`."""
    path = os.fsencode(folder.resolve())
    log.unlink(missing_ok=True)
    ctypes.CDLL(None).disk_arm(
        path, ctypes.c_long(fault.at), _NUMBER[fault.how], fault.error, os.fsencode(log)
    )


def fired() -> int:
    """How many operations have met the fault."""
    return int(ctypes.CDLL(None).disk_fired())
