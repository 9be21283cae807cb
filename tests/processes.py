"""Programs that tests run to their end."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

LONGEST_S = 600.0
"""A program that takes longer never ends: none takes a tenth of it on a slow machine."""


def finished(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stderr: int | None = subprocess.PIPE,
    timeout_s: float | None = LONGEST_S,
) -> subprocess.CompletedProcess[str]:
    """What a command came to. It is killed after `timeout_s` seconds, and the error shows what it
    had said; `stderr=None` leaves standard error where it is."""
    out = subprocess.PIPE
    try:
        return subprocess.run(
            command, cwd=cwd, env=env, stdout=out, stderr=stderr, text=True, timeout=timeout_s
        )
    except subprocess.TimeoutExpired as late:
        raise AssertionError(
            f"expected the end of {command} within {timeout_s} s; it had said {late.stdout!r} and "
            f"{late.stderr!r}: see what it waits for"
        ) from None
