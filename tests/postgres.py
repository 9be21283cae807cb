"""A PostgreSQL server for tests: the one that `AGENTKIT_TEST_PG` names, else a private one made
from the binaries that Debian installs, else none, and then the tests are skipped."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

BINARIES = "/usr/lib/postgresql/*/bin"


@contextmanager
def server() -> Generator[str]:
    """The URL of a server's maintenance database. Skips the tests where there is no server."""
    if find_spec("asyncpg") is None:
        pytest.skip("asyncpg is not installed: pip install 'agentkit[postgres]'")
    if given := os.environ.get("AGENTKIT_TEST_PG"):
        yield given
        return
    found = sorted(Path("/").glob(BINARIES[1:]))
    if not found:
        pytest.skip(f"no PostgreSQL in {BINARIES}, and AGENTKIT_TEST_PG names none")
    folder = Path(tempfile.mkdtemp(prefix="agentkit-pg-"))
    try:
        with _cluster(found[-1], folder) as url:
            yield url
    finally:
        shutil.rmtree(folder)


@contextmanager
def _cluster(binaries: Path, folder: Path) -> Generator[str]:
    """A cluster of its own in the folder. PostgreSQL refuses to run as root."""
    user: dict[str, Any] = {}
    if os.getuid() == 0:
        unprivileged = pwd.getpwnam("postgres")
        os.chown(folder, unprivileged.pw_uid, unprivileged.pw_gid)
        user = {"user": "postgres", "group": unprivileged.pw_gid, "extra_groups": []}

    def call(program: str, *arguments: str) -> None:
        command = [str(binaries / program), "-D", str(folder / "data"), *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, **user)
        assert done.returncode == 0, done.stdout + done.stderr

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    call("initdb", "-A", "trust", "-U", "postgres", "--locale=C", "-E", "UTF8", "--no-sync")
    # Processes are killed in these tests, the machine is not.
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    )
    call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "-w", "-m", "immediate", "stop")


@contextmanager
def database(server: str) -> Generator[str]:
    """The URL of an empty database, dropped afterwards, with whoever still uses it."""
    name = f"agentkit_{uuid4().hex}"
    execute(server, f"CREATE DATABASE {name}")
    yield f"{server.rpartition('/')[0]}/{name}"
    execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def execute(url: str, statement: str) -> list[Any]:
    """The rows of one statement."""
    import asyncpg

    async def run() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    return asyncio.run(run())
