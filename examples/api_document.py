"""An agent that uses a web API by nothing but the API's own OpenAPI document.

    python examples/api_document.py

The server is one of thirty lines in this process, and the plan is written here, so it runs without
a network and without a model; with `model="local:"` and no `planner`, the embedded model plans.
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from agentkit import Agent
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel
from agentkit.tools import OpenApi

ROOMS = [{"name": "Cedar", "seats": 30}, {"name": "Elm", "seats": 8}]
ROOM = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "seats": {"type": "integer"}},
    "required": ["name", "seats"],
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "/"}],
    "paths": {
        "/rooms": {
            "get": {
                "operationId": "list_rooms",
                "summary": "All rooms.",
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"type": "array", "items": ROOM}}
                        }
                    }
                },
            }
        }
    },
}
PLAN = """
rooms = list_rooms()
large = [room for room in rooms if room.seats >= 20]
answer(f"{large[0].name} has {large[0].seats} seats.")
"""


class Rooms(BaseHTTPRequestHandler):
    """The API: its document and its one operation."""

    def do_GET(self) -> None:
        body = json.dumps(ROOMS if self.path == "/rooms" else DOCUMENT).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the answer is what is printed."""


def main() -> None:
    """Asks for a room and prints the answer."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Rooms) as server:
        Thread(target=server.serve_forever).start()
        try:
            api = OpenApi(f"http://127.0.0.1:{server.server_port}/openapi.json")
            agent = Agent(model=ScriptedModel(), planner=Fixed(PLAN), tools=[api], store="memory")
            print(agent.run_sync("Which room seats twenty people?").answer)
        finally:
            server.shutdown()


if __name__ == "__main__":
    main()
