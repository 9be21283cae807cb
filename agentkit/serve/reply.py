"""A body of JSON: exactly what it says is read from it, and a terminal that shows it obeys none."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from agentkit.text import inert_json


class Reply(JSONResponse):
    """A response of JSON."""

    def render(self, content: Any) -> bytes:
        """Its body."""
        return inert_json(content).encode()
