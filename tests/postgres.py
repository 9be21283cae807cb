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
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

BINARIES = "/usr/lib/postgresql/*/bin"
MOST_PORTS = 3
MOST_STARTS = 30


@contextmanager
def server() -> Generator[str]:
    """The URL of a server's maintenance database. Skips the tests where there is no server."""
    _require_driver()
    if given := os.environ.get("AGENTKIT_TEST_PG"):
        yield given
        return
    with cluster() as private:
        yield private.url


@dataclass(frozen=True)
class Cluster:
    """A server of its own, with its data in a folder."""

    binaries: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        """The URL of its maintenance database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        # Processes are killed in these tests, the machine is not.
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        options += f" -c unix_socket_directories={self.folder}"
        self.call("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self.call("pg_ctl", "-w", "-m", "fast", "stop")

    def restart(self) -> None:
        """Stops it and starts it on the same port, which others may hold for a moment meanwhile."""
        self.stop()
        for _ in range(MOST_STARTS - 1):
            with suppress(AssertionError):
                return self.start()
        self.start()

    def call(self, program: str, *arguments: str) -> None:
        """Runs one of PostgreSQL's programs; they refuse to run as root."""
        user: dict[str, Any] = {}
        if os.getuid() == 0:
            group = pwd.getpwnam("postgres").pw_gid
            user = {"user": "postgres", "group": group, "extra_groups": []}
        command = [str(self.binaries / program), "-D", str(self.folder / "data"), *arguments]
        # No pipe: the server would keep it open.
        code: int = subprocess.call(command, cwd=self.folder, stdout=subprocess.DEVNULL, **user)
        assert code == 0, f"{program} ended with {code}; see {self.folder / 'log'}"


@contextmanager
def cluster() -> Generator[Cluster]:
    """A private server, running. Skips the tests where PostgreSQL is not installed."""
    _require_driver()
    found = sorted(Path("/").glob(BINARIES[1:]))
    if not found:
        pytest.skip(f"no PostgreSQL in {BINARIES}, and AGENTKIT_TEST_PG names none")
    folder = Path(tempfile.mkdtemp(prefix="agentkit-pg-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        new = Cluster(found[-1], folder, 0)
        new.call("initdb", "-A", "trust", "-U", "postgres", "--locale=C", "-E", "UTF8", "--no-sync")
        private = _running(new)
        try:
            yield private
        finally:
            private.stop()
    finally:
        shutil.rmtree(folder)


def _running(new: Cluster) -> Cluster:
    """The same on a port of its own: others may take one between its choice and its use."""
    for _ in range(MOST_PORTS):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            on_port = replace(new, port=free.getsockname()[1])
        with suppress(AssertionError):
            on_port.start()
            return on_port
    log = (new.folder / "log").read_text()
    raise RuntimeError(f"PostgreSQL did not start on any of {MOST_PORTS} free ports: {log}")


def _require_driver() -> None:
    if find_spec("asyncpg") is None:
        pytest.skip("asyncpg is not installed: pip install 'agentkit[postgres]'")


@contextmanager
def database(server: str) -> Generator[str]:
    """The URL of an empty database, dropped afterwards, with whoever still uses it."""
    name = f"agentkit_{uuid4().hex}"
    execute(server, f"CREATE DATABASE {name}")
    yield f"{server.rpartition('/')[0]}/{name}"
    execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def execute_script(url: str, script: str) -> None:
    """Several statements at once."""
    asyncpg: Any = import_module("asyncpg")

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(script)
        finally:
            await connection.close()

    asyncio.run(run())


def execute(url: str, statement: str) -> list[Any]:
    """The rows of one statement."""
    asyncpg: Any = import_module("asyncpg")  # without annotations of its own

    async def run() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    return asyncio.run(run())
