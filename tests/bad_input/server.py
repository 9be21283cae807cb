"""A real HTTP server on this machine that speaks OpenAI's chat completions, badly."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


def piece(text: str) -> bytes:
    """A server-sent event with the next words of a reply."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def half() -> Iterable[bytes]:
    """The first half of a plan, and then nothing: the connection is closed."""
    return [piece("twice = double"), piece("(n=2"), piece("1)\nthr")]


@contextmanager
def serving(reply: Callable[[], Iterable[bytes]]) -> Generator[str, None, None]:
    """The base URL of a server whose every reply is these chunks, never properly ended."""

    class Replies(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802
            self.send_error(404)

        def do_POST(self) -> None:  # noqa: N802
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            with suppress(ConnectionError):  # the client has had enough
                for chunk in reply():
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Silent: the test's output is not the place."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Replies) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()
