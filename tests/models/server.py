"""A real HTTP server on this machine, which answers as a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Server:
    """Answers each request with the next of `answers`, the last one again and again.

    An answer is the raw bytes of an HTTP response; the connection is closed after it, so that an
    answer that ends early is a dropped connection. `None` answers nothing and waits.
    """

    url: str = ""
    answers: list[bytes | None] = field(default_factory=list[bytes | None])
    requests: list[tuple[str, dict[str, str], Any]] = field(
        default_factory=list[tuple[str, dict[str, str], Any]]
    )
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def bodies(self) -> list[Any]:
        """The JSON of the POSTs, in order."""
        return [body for _, _, body in self.requests if body is not None]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client may leave at any moment, also before it has asked.
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append((head[0], headers, json.loads(raw) if raw else None))
        self.asked.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            try:
                await reader.read()  # until the client goes away
            finally:
                self.gone.set()
        else:
            writer.write(answer)
            await writer.drain()


def response(
    body: str, *, status: int = 200, kind: str = "application/json", headers: str = ""
) -> bytes:
    data = body.encode()
    head = f"HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n"
    return f"{head}{headers}connection: close\r\n\r\n".encode() + data


def stream(events: Sequence[object], *, whole: bool = True, done: bool = True) -> bytes:
    """An event stream in chunks; one that is not `whole` breaks off inside."""
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    lines += ["[DONE]"] if done else []
    chunks = b""
    for line in lines:
        data = f"data: {line}\n\n".encode()
        chunks += f"{len(data):x}\r\n".encode() + data + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    return head + b"connection: close\r\n\r\n" + chunks + (b"0\r\n\r\n" if whole else b"")
