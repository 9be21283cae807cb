"""Server-sent events, for as long as somebody listens.

sse-starlette would do this too; it looks twice a second whether the server stops, in a task that
nobody ends, and changes uvicorn when it is imported.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.types import Receive, Scope, Send

from agentkit.engine.tasks import Tasks
from agentkit.serve.refused import Refused
from agentkit.text import inert_json

T = TypeVar("T")

KEEP_ALIVE_S = 15.0
"""After so long without an event a comment is sent: proxies cut silent connections."""

_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


def sent(data: Any, *, event: str = "", id: int | None = None) -> str:
    r"""One event of a stream. JSON has no line breaks: `data` is one line.

    >>> sent({"a": 1}, event="note", id=7)
    'id: 7\nevent: note\ndata: {"a": 1}\n\n'
    """
    lines = [] if id is None else [f"id: {id}"]
    lines += [f"event: {event}"] if event else []
    text = data if isinstance(data, str) else inert_json(data)
    return "\n".join([*lines, f"data: {text}", "", ""])


class Streams:
    """The streams that are open, at most so many at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = Tasks()
        self._count = 0
        self._stopping = False

    def __len__(self) -> int:
        return self._count

    def of(
        self,
        events: AsyncGenerator[str, None],
        left: Callable[[], Awaitable[object]] | None = None,
    ) -> EventStream:
        """A response that sends them; `left` is awaited when nobody listens any more."""
        return EventStream(events, self, left)

    def require_room(self) -> None:
        """Raises `Refused` where no further one may be opened."""
        if self._stopping or self._count >= self._most:
            why = "the server is stopping" if self._stopping else f"{self._most} streams are open"
            raise Refused(503, f"{why}; try again later", code="too_many_streams", retry_after_s=5)

    async def send(self, events: AsyncGenerator[str, None], receive: Receive, send: Send) -> None:
        """Sends them until they end, or the client leaves, or the server stops."""
        self._count += 1
        try:
            sending = self._open.spawn(_send(events, send))
            await while_there(receive, sending)
        finally:
            self._count -= 1

    async def close(self) -> None:
        """End those that are open; no other one opens."""
        self._stopping = True
        await self._open.close()


@dataclass(frozen=True, slots=True)
class EventStream:
    """The response. However it ends, `events` is closed before it returns."""

    events: AsyncGenerator[str, None]
    streams: Streams
    left: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(self.events):
                await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS]})
                if scope["method"] != "HEAD":
                    await self.streams.send(self.events, receive, send)
                await send({"type": "http.response.body", "body": b""})
        finally:
            if self.left is not None:
                await self.left()


async def _send(events: AsyncGenerator[str, None], send: Send) -> None:
    tasks, lock = Tasks(), asyncio.Lock()

    async def piece(text: str) -> None:
        async with lock:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await asyncio.sleep(0)  # events that are there already must not keep others waiting

    async def keep_alive() -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE_S)
            await piece(": still here\n\n")

    tasks.spawn(keep_alive())
    try:
        async for event in events:
            await piece(event)
    finally:
        await tasks.close()


async def answered(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work comes to; it is cancelled, and there is None, where the client leaves."""
    tasks = Tasks()
    try:
        return await while_there(receive, tasks.spawn(work))
    finally:
        await tasks.close()


async def while_there(receive: Receive, work: asyncio.Task[T]) -> T | None:
    """What the task comes to. It is cancelled where the client leaves; then, and where it was
    cancelled otherwise, there is None."""
    tasks = Tasks()
    tasks.spawn(_gone(receive)).add_done_callback(lambda _: work.cancel())
    try:
        await asyncio.wait([work])
    finally:
        work.cancel()
        await asyncio.wait([work])
        await tasks.close()
    return None if work.cancelled() else work.result()


async def _gone(receive: Receive) -> None:
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
