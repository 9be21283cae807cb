"""`agentkit serve` in a process of its own, for clients that are programs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AGENTS = ROOT / "tests" / "serve" / "agents.py"
TOKEN = "the-token"


@contextmanager
def served(store: Path) -> Generator[str]:
    """The URL of a server with the agents of the server's tests; SIGTERM ends it."""
    command = [sys.executable, "-m", "agentkit", "serve", str(AGENTS), "--port", "0"]
    env = {**os.environ, "AGENTKIT_TOKEN": TOKEN, "AGENTKIT_STORE": str(store)}
    process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        yield said.rpartition(" at ")[2].strip()
    finally:
        process.terminate()
        _, rest = process.communicate()
    assert process.returncode == 0
    assert TOKEN not in said + rest
