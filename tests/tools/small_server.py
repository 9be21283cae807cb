"""An MCP server of a few lines over stdio, started in no time: it dies when asked to."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

TEXT = {"type": "string"}
SLOW = {"pattern": "^(a+)+$"}
"""What is no such text, and has some forty letters, Python's `re` is at for ever."""
TOOLS: dict[str, tuple[dict[str, Any], dict[str, bool]]] = {
    "die": ({}, {}),
    "die_once": ({"marker": TEXT}, {"readOnlyHint": True}),
    "pid": ({}, {"readOnlyHint": True}),
    "spell": ({"letters": SLOW}, {}),
    "meet": ({"guests": {"type": "integer"}, "me": {"type": "integer"}}, {"readOnlyHint": True}),
}
SPELT = {"type": "object", "properties": {"letters": {**TEXT, **SLOW}}}
WAITING: list[Any] = []


def listed() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "inputSchema": {"type": "object", "properties": takes},
            "annotations": hints,
            **({"outputSchema": SPELT} if name == "spell" else {}),
        }
        for name, (takes, hints) in TOOLS.items()
    ]


def reply(number: Any, result: dict[str, Any]) -> None:
    print(json.dumps({"jsonrpc": "2.0", "id": number, "result": result}), flush=True)


def call(number: Any, name: str, arguments: dict[str, Any]) -> None:
    if name == "die" or (name == "die_once" and not Path(arguments["marker"]).exists()):
        Path(arguments.get("marker", os.devnull)).touch()
        os._exit(3)
    if name == "spell":
        reply(number, {"content": [], "structuredContent": arguments})
        return
    WAITING.append(number)
    if len(WAITING) < arguments.get("guests", 1):
        return  # `meet` is answered once all guests are there, the last one first
    while WAITING:
        reply(WAITING.pop(), {"content": [{"type": "text", "text": str(os.getpid())}]})


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        method, number = message["method"], message.get("id")
        if method == "initialize":
            said: dict[str, Any] = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
            reply(number, {**said, "serverInfo": {"name": "small", "version": "1"}})
        elif method == "tools/list":
            reply(number, {"tools": listed()})
        elif method == "tools/call":
            call(number, message["params"]["name"], message["params"]["arguments"])
        elif number is not None:
            error = {"code": -32601, "message": f"no method {method}"}
            print(json.dumps({"jsonrpc": "2.0", "id": number, "error": error}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["broken"]:
        sys.exit("the key is missing")
    main()
