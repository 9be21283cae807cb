"""A PostgreSQL database: connections to it, and what its errors mean."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar
from urllib.parse import urlsplit

from agentkit.errors import MissingExtra, StoreError
from agentkit.journal.failure import CLOSED
from agentkit.journal.tables import migrate
from agentkit.types import Sync

T = TypeVar("T")

NOW = "extract(epoch FROM statement_timestamp())::float8"
"""The time of the store, which leases are measured by: seconds since the epoch. That of what the
statement sees: a lease that is renewed while it runs must not look as if it had ended."""

CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 60.0
"""A server that is silent for so long is taken for gone."""


class Server:
    """Connections to one database, on an event loop in a thread of their own: whoever calls may be
    on any loop, or on none."""

    def __init__(self, url: str, *, sync: Sync = "power") -> None:
        self.url = url
        self.name = shown(url)
        self.asyncpg = _asyncpg()
        self.failures: tuple[type[Exception], ...] = (
            self.asyncpg.PostgresError, self.asyncpg.InterfaceError,
            self.asyncpg.InternalClientError, OSError, TimeoutError, UnicodeDecodeError,
        )  # fmt: skip
        self._commit = "on" if sync == "power" else "off"
        self._pool: Any = None
        self._opened: list[Any] = []
        self._closing = False
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        # A daemon, so that a script that forgets to close its agent still ends.
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="agentkit-postgres", daemon=True
        )
        self._thread.start()
        try:
            self.wait(self._prepare())
        except BaseException:
            self.close()
            raise

    async def read(self, query: Callable[[Any], Awaitable[T]]) -> T:
        """The query's result, on a connection of its own, also after `close`. Raises
        `StoreError`."""
        begun = self._begin(self._pooled(query))
        if begun is None:
            return await asyncio.to_thread(asyncio.run, self._explained(self._once(query)))
        return await asyncio.wrap_future(begun)

    async def on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of work that has to happen where the connections are. Raises `StoreError`,
        also after `close`."""
        begun = self._begin(work)
        if begun is None:
            raise StoreError(CLOSED)
        return await asyncio.wrap_future(begun)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """The same for a thread, which blocks meanwhile. Raises `StoreError`."""
        begun = self._begin(work)
        if begun is None:
            raise StoreError(CLOSED)
        try:
            return begun.result()
        finally:
            begun.cancel()  # where the wait was interrupted: `close` waits for what is begun

    def _begin(self, work: Coroutine[Any, Any, T]) -> Future[T] | None:
        """Has the loop do it; None once it is being closed."""
        with self._lock:
            if not self._closing:
                return asyncio.run_coroutine_threadsafe(self._explained(work), self._loop)
        work.close()
        return None

    async def connect(self) -> Any:
        """A connection for whoever asks, on the loop where it is asked for."""
        connection = await self._connected()
        self._opened.append(connection)
        return connection

    async def release(self, connection: Any) -> None:
        """Close what `connect` gave."""
        self._opened.remove(connection)
        await connection.close(timeout=CONNECT_TIMEOUT_S)

    def close(self) -> None:
        """Finish what was begun, let go of the connections and end the thread."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        try:
            closing = self._explained(self._close())
            asyncio.run_coroutine_threadsafe(closing, self._loop).result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _close(self) -> None:
        # The pool does not wait for a connection that is still being opened, and whoever asked for
        # it would never be answered. Nothing else runs on this loop, and nothing is begun any more.
        while begun := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(begun)
        for connection in [*self._opened]:
            await self.release(connection)
        if self._pool is not None:
            await self._pool.close()

    def explain(self, error: Exception) -> StoreError:
        """What an error means for whoever runs the agent, and what to do."""
        found = StoreError(f"cannot use the journal in {self.name}: {self._meaning(error)}")
        found.__cause__ = error
        return found

    def _meaning(self, error: Exception) -> str:
        pg = self.asyncpg
        match error:
            case pg.InvalidPasswordError() | pg.InvalidAuthorizationSpecificationError():
                return "it does not know this user and password: check the URL of the store"
            case pg.InvalidCatalogNameError():
                return "there is no such database: create it, or check the URL of the store"
            case pg.InsufficientPrivilegeError():
                return f"{error}: grant CREATE on the database to this user"
            case pg.DiskFullError():
                return "no room left on its disk: free some and resume the run"
            case pg.ReadOnlySQLTransactionError():
                return "it is read-only: give the URL of the primary"
            case UnicodeDecodeError():
                return "it is damaged (a text is none): restore it from a backup"
            case TimeoutError():
                return "it does not answer: check the server and the network, then resume the run"
            case OSError():
                return f"no connection ({error}): check that the server runs, then resume the run"
            case _:
                return f"PostgreSQL says {str(error)!r}: check the server, then resume the run"

    async def _explained(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        except self.failures as error:
            raise self.explain(error) from error

    async def _pooled(self, query: Callable[[Any], Awaitable[T]]) -> T:
        async with self._pool.acquire() as connection:
            return await query(connection)

    async def _once(self, query: Callable[[Any], Awaitable[T]]) -> T:
        connection = await self._connected()
        try:
            return await query(connection)
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)

    async def _connected(self) -> Any:
        return await self.asyncpg.connect(self.url, **self._options())

    async def _prepare(self) -> None:
        await self._once(lambda connection: migrate(connection, self.name))
        self._pool = await self.asyncpg.create_pool(
            self.url, min_size=0, max_size=4, reset=_nothing, **self._options()
        )

    def _options(self) -> dict[str, Any]:
        settings = {"application_name": "agentkit", "synchronous_commit": self._commit}
        return {
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": COMMAND_TIMEOUT_S,
            "server_settings": settings,
        }


async def _nothing(connection: Any) -> None:
    """Queries here leave nothing behind that a connection would have to be rid of."""


def shown(url: str) -> str:
    """The URL without user and password.

    >>> shown("postgresql://ann:secret@db.example:5432/runs?ssl=require")
    'postgresql://db.example:5432/runs'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _asyncpg() -> Any:
    try:
        # Without annotations of its own: its types are unknown either way.
        return importlib.import_module("asyncpg")
    except ImportError as error:
        raise MissingExtra("a store in PostgreSQL", "asyncpg", "postgres") from error
