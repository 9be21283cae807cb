"""The child's side of `agentkit.engine.process`: imports a tool, calls it, sends what it returns.

What the tool prints goes to stderr, and it has nothing to read: stdout and stdin carry the
messages. When the parent dies, its end of the pipe closes, and this process ends at once, in the
middle of a call too.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import runpy
import sys
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

from agentkit.engine.door import finished, prepared
from agentkit.engine.process import LENGTH_BYTES
from agentkit.engine.retry import worth_retrying
from agentkit.errors import StoreError, UsageError
from agentkit.media import Artifact
from agentkit.tool import Tool, as_tool
from agentkit.types import Json

if TYPE_CHECKING:
    from decimal import Decimal

    from agentkit.protocols import Model


class Parent:
    """The pipes to the parent. A thread reads them, so that their end is noticed at any time."""

    def __init__(self, reads: BinaryIO, writes: BinaryIO) -> None:
        self._reads, self._writes = reads, writes
        self._messages: SimpleQueue[dict[str, Any]] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, message: dict[str, Json]) -> None:
        data = json.dumps(message).encode()
        self._writes.write(len(data).to_bytes(LENGTH_BYTES) + data)
        self._writes.flush()

    def receive(self) -> dict[str, Any]:
        return self._messages.get()

    def ask(self, **asked: Json) -> Any:
        """What the parent's artifact store says. Raises `StoreError` or `UsageError` as it does."""
        self.send({"artifact": asked})
        reply = self.receive()
        if "error" in reply:
            raise (UsageError if reply["usage"] else StoreError)(reply["error"])
        return reply["value"]

    def _read(self) -> None:
        while len(head := self._reads.read(LENGTH_BYTES)) == LENGTH_BYTES:
            size = int.from_bytes(head)
            text = self._reads.read(size)
            if len(text) < size:
                break  # the parent died while it was writing
            self._messages.put(json.loads(text))
        os._exit(1)


@dataclass(frozen=True, slots=True)
class RemoteArtifacts:
    """The parent's artifact store, asked over the pipe; bytes are read from its files."""

    parent: Parent

    def put(self, data: bytes, *, media_type: str, name: str = "") -> Artifact:
        text = base64.b64encode(data).decode()
        asked = self.parent.ask(method="put", data=text, media_type=media_type, name=name)
        return Artifact(**asked)

    def put_file(self, path: Path, *, media_type: str | None = None) -> Artifact:
        whole = str(path.absolute())
        return Artifact(**self.parent.ask(method="put_file", path=whole, media_type=media_type))

    def path(self, sha256: str) -> Path:
        return Path(self.parent.ask(method="path", sha256=sha256))

    def read(self, sha256: str) -> bytes:
        return self.path(sha256).read_bytes()


@dataclass(frozen=True, slots=True)
class RemoteContext:
    """The `agentkit.tool.Context` of a call in a child process."""

    run: str
    task: str
    node: str
    key: str
    artifacts: RemoteArtifacts

    @property
    def model(self) -> Model:
        raise UsageError('a tool that uses context.model can not have runs="process"')

    def progress(self, done: float, total: float | None = None, unit: str = "") -> None:
        self.artifacts.parent.send({"progress": [done, total, unit]})

    def spend(self, *, usd: Decimal | None = None, tokens: int | None = None) -> None:
        self.artifacts.parent.send(
            {"spend": {"usd": None if usd is None else str(usd), "tokens": tokens}}
        )


def main() -> None:
    """Serve calls until the parent closes the pipe."""
    reads, writes = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # A program that the tool starts inherits 0 and 1: it must not take part in the conversation.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    parent = Parent(reads, writes)
    while True:
        parent.send(_answer(parent, parent.receive()))


def _answer(parent: Parent, call: dict[str, Any]) -> dict[str, Json]:
    tool: Tool | None = None
    told = (call["run"], call["task"], call["node"], call["key"])
    context = RemoteContext(*told, RemoteArtifacts(parent))
    try:
        tool = _tool(call["module"], call["name"], call["path"])
        result = tool.function(**prepared(tool, call["args"], context))
        return {"result": finished(tool, result, context)}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the tool's boundary
        again = tool is not None and worth_retrying(tool, error)
        return {
            "error": {
                "kind": type(error).__name__,
                "message": str(error) or repr(error),
                "retryable": again,
            }
        }


@cache
def _tool(module: str, name: str, path: str | None) -> Tool:
    """The tool, imported; a script's file is run under another name than `__main__`."""
    first, *steps = name.split(".")
    if path is None:
        found: Any = getattr(importlib.import_module(module), first)
    else:
        found = runpy.run_path(path)[first]
    for step in steps:
        found = getattr(found, step)
    return as_tool(found)
