"""A session with an MCP server: one connection at a time, each owned by one thread from its opening
to its end.

The thread's loop runs the protocol and nothing else, so that a session serves the runs of any event
loop, and what opened a connection is what closes it: the SDK allows nothing else.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from agentkit.engine.process import ProcessDied
from agentkit.errors import ToolError

if TYPE_CHECKING:
    from mcp import Client

T = TypeVar("T")

Request = Callable[["Client"], Coroutine[Any, Any, T]]
Open = Callable[[Callable[[], None]], AbstractAsyncContextManager["Client"]]
"""Opens a connection, and calls what it is given when the server has ended it."""


ENDED = "the connection has ended"
STOP_S = 10.0
"""How long the end of a connection is waited for; a server that does not go is killed before."""


class ServerLost(ProcessDied):
    """The connection to a server ended with a call under way: nobody knows what came of it."""


class NotReached(ToolError):
    """A server could not be started or did not answer: no call was made."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True)


class Session:
    """Connections to one server: opened at first use, and again after one was lost.

    It is closed by `close`, when nobody holds it any more, and when the interpreter exits; its next
    use opens it again.
    """

    def __init__(self, name: str, open_: Open, *, start_s: float) -> None:
        self._name, self._open, self._start_s = name, open_, start_s
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._forgotten = weakref.finalize(self, str)

    async def call(self, request: Request[T]) -> T:
        """The server's answer. Raises `NotReached`, `ServerLost`, and what the request raises.

        Being cancelled cancels the request on the server too.
        """
        from mcp import MCPError

        for last in (False, True):
            connection = self._connected()
            client = await asyncio.wrap_future(connection.opened)
            try:
                return await asyncio.wrap_future(connection.begin(request, client))
            except (MCPError, ConnectionError) as error:
                self._judge(connection, error, last)
        raise AssertionError("the last connection answers or is lost")

    def wait(self, request: Request[T]) -> T:
        """The same for a thread, which blocks meanwhile."""
        from mcp import MCPError

        for last in (False, True):
            connection = self._connected()
            client = connection.opened.result()
            try:
                return connection.begin(request, client).result()
            except (MCPError, ConnectionError) as error:
                self._judge(connection, error, last)
        raise AssertionError("the last connection answers or is lost")

    def _judge(self, connection: Connection, error: Exception, last: bool) -> None:
        """Returns where the request was not looked at, and another connection may be asked; else
        raises what it came to."""
        verdict = connection.verdict(error)
        if verdict == "answered":
            raise error
        with self._lock:
            if self._connection is connection:
                self._connection = None
        connection.end()
        if verdict == "lost" or last:
            raise ServerLost(f"{self._name}: {connection.story()}", retryable=True) from error

    def close(self) -> None:
        """End the connection, and wait until its server is gone."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> Connection:
        with self._lock:
            if self._connection is None or self._connection.over:
                self._connection = Connection(self._name, self._open, start_s=self._start_s)
                self._forgotten.detach()
                self._forgotten = weakref.finalize(self, self._connection.end)
                self._forgotten.atexit = False
            return self._connection


class Connection:
    """One connection, open from `opened` until `over`."""

    def __init__(self, name: str, open_: Open, *, start_s: float) -> None:
        self.opened: Future[Client] = Future()
        self.opened.set_running_or_notify_cancel()  # many wait for it: none of them may cancel it
        self._name, self._open, self._start_s = name, open_, start_s
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._over = asyncio.Event()
        self._ended = False
        self._owner: asyncio.Task[None] | None = None
        self._why: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"agentkit mcp {name}", daemon=True)
        atexit.register(self.close)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether it takes no more requests."""
        return self._over.is_set()

    def begin(self, request: Request[T], client: Client) -> Future[T]:
        """Has the connection's loop make a request. Where the connection has ended before it could
        be sent, the error is `ConnectionError`."""

        async def ask() -> T:
            if self._ended:
                raise ConnectionError(ENDED)
            return await request(client)

        with self._lock:
            if self._ended:
                raise ConnectionError(ENDED)
            return asyncio.run_coroutine_threadsafe(ask(), self._loop)

    def verdict(self, error: Exception) -> Literal["answered", "forgotten", "lost"]:
        """What a request's error means: it was `answered`, its session `forgotten`, or it is
        `lost`."""
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED, INTERNAL_ERROR, INVALID_REQUEST, PARSE_ERROR

        if isinstance(error, ConnectionError):
            return "forgotten"
        assert isinstance(error, MCPError), "no other error is judged"
        match error.code, error.message:
            case code, _ if code in (CONNECTION_CLOSED, PARSE_ERROR):
                return "lost"
            case code, "Server returned an error response" if code == INTERNAL_ERROR:
                return "lost"  # some machine on the way said so; the server may have been asked
            case code, "Session terminated" if code == INVALID_REQUEST:
                return "forgotten"
            case _:
                return "answered"

    def story(self) -> str:
        """What is known of the connection's end."""
        why = "" if self._why is None else f" ({_leaf(self._why)})"
        return f"the connection to the server ended during the call{why}; call it again"

    def end(self) -> None:
        """Let it end; a server's process is stopped. From any thread."""
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._end)

    def close(self) -> None:
        """End it and wait until it has."""
        self.end()
        if threading.current_thread() is not self._thread:
            self._thread.join(STOP_S)

    def _end(self) -> None:
        self._over.set()
        if not self.opened.done() and self._owner is not None:
            self._owner.cancel()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._own())
        except BaseException as error:  # noqa: BLE001 - a thread's end: whoever waits is told
            self._why = error
        finally:
            atexit.unregister(self.close)
            if not self.opened.done():
                said = self._why or ConnectionError("it was closed")
                self.opened.set_exception(NotReached(f"{self._name}: {_leaf(said)}"))

    async def _own(self) -> None:
        """Open the connection, keep it until it is over, close it: one task does it all."""
        self._owner = asyncio.current_task()
        try:
            async with asyncio.timeout(self._start_s) as start:
                if self.over:
                    return
                async with self._open(self._over.set) as client:
                    start.reschedule(None)
                    self.opened.set_result(client)
                    try:
                        await self._over.wait()
                    finally:
                        self._take_no_more()
        except TimeoutError:
            raise TimeoutError(f"it did not answer within {self._start_s:g} s") from None
        finally:
            self._take_no_more()
            while begun := asyncio.all_tasks() - {self._owner}:
                await asyncio.wait(begun)  # each is answered, be it by the connection's end

    def _take_no_more(self) -> None:
        self._over.set()
        with self._lock:
            self._ended = True


def _leaf(error: BaseException) -> str:
    """What an error says, or the first of those in a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or repr(error)
