"""Ctrl-C: once lets the work clean up, twice does not wait for it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import asyncio, sys
from agentkit.cli.interrupt import interruptible

async def work():
    print("started", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print("cleaning", flush=True)
        if sys.argv[1] == "stubborn":
            try:
                await asyncio.Event().wait()
            finally:
                print("never printed", flush=True)

try:
    interruptible(work())
except asyncio.CancelledError:
    print("cancelled")
    sys.exit(7)
"""


@contextmanager
def started(kind: str) -> Generator[tuple[subprocess.Popen[str], IO[str]]]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, kind],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        try:
            yield process, process.stdout
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_cancels_and_cleans_up(number: signal.Signals) -> None:
    with started("tidy") as (process, _):
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (out, process.returncode) == ("cleaning\ncancelled\n", 7)
    assert err == "stopping; press Ctrl-C again to stop now\n"


def test_twice_stops_now() -> None:
    with started("stubborn") as (process, lines):
        process.send_signal(signal.SIGINT)
        assert lines.readline() == "cleaning\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == ("", 130)
