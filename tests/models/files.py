"""A real HTTP server on this machine that serves one file as a hub does, well or badly."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FileServer:
    """Serves `data`; each connection ends after the next of `cuts` bytes, whole once they are used.

    `asked` has the path and the Range of each request. Without `ranges` every answer is the whole.
    """

    data: bytes
    cuts: list[int] = field(default_factory=list[int])
    ranges: bool = True
    status: int = 0
    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("range")
        self.asked.append((handler.path, asked))
        if self.status:
            handler.send_error(self.status)
            return
        start = int(re.findall(r"\d+", asked)[0]) if asked and self.ranges else 0
        body = self.data[start:]
        handler.send_response(206 if start else 200)
        if start:
            last = len(self.data) - 1
            handler.send_header("content-range", f"bytes {start}-{last}/{len(self.data)}")
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        with contextlib.suppress(ConnectionError):  # a client that has seen enough
            handler.wfile.write(body[: self.cuts.pop(0) if self.cuts else None])
        handler.close_connection = True


@contextmanager
def serving(server: FileServer) -> Generator[FileServer]:
    """Serves until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        server.url = f"http://127.0.0.1:{listener.server_port}"
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
