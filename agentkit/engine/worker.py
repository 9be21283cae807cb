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
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

from agentkit.engine.door import finished, prepared
from agentkit.engine.process import LENGTH_BYTES
from agentkit.engine.retry import worth_retrying
from agentkit.errors import StoreError, UsageError, said
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
        self._calls: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._numbers, self._asked = count(), dict[int, SimpleQueue[dict[str, Any]]]()
        threading.Thread(target=self._read, daemon=True).start()

    def next_call(self) -> dict[str, Any]:
        return self._calls.get()

    def send(self, message: dict[str, Json]) -> None:
        data = json.dumps(message).encode()
        self._writes.write(len(data).to_bytes(LENGTH_BYTES) + data)
        self._writes.flush()

    def expect(self) -> tuple[int, SimpleQueue[dict[str, Any]]]:
        """The number to ask under, and where the reply to it will be: several threads may ask."""
        number, reply = next(self._numbers), SimpleQueue[dict[str, Any]]()
        self._asked[number] = reply
        return number, reply

    def _read(self) -> None:
        while len(head := self._reads.read(LENGTH_BYTES)) == LENGTH_BYTES:
            size = int.from_bytes(head)
            text = self._reads.read(size)
            if len(text) < size:
                break  # the parent died while it was writing
            message = json.loads(text)
            reply = self._asked.pop(message["to"]) if "to" in message else self._calls
            reply.put(message)
        os._exit(1)


class ParentsStoreError(StoreError):
    """The parent's own store has failed, and not one that the tool has opened."""


class Line:
    """What one call says to the parent, from any of its threads, until it has ended.

    What a thread that it left behind says later would be taken for the next call's."""

    def __init__(self, parent: Parent) -> None:
        self._parent, self._lock, self._ended = parent, threading.Lock(), False

    def tell(self, message: dict[str, Json], *, last: bool = False) -> bool:
        """Whether the message was sent."""
        with self._lock:
            if self._ended:
                return False
            self._ended = last
            self._parent.send(message)
            return True

    def ask(self, **asked: Json) -> Any:
        """What the parent's artifact store says. Raises `StoreError` or `UsageError` as it does."""
        number, found = self._parent.expect()
        if not self.tell({"artifact": asked, "number": number}):
            raise UsageError("this call has returned: store what it makes before that")
        reply = found.get()
        if "error" in reply:
            raise (UsageError if reply["usage"] else ParentsStoreError)(reply["error"])
        return reply["value"]


@dataclass(frozen=True, slots=True)
class RemoteArtifacts:
    """The parent's artifact store, asked over the pipe; bytes are read from its files."""

    line: Line

    def put(self, data: bytes, *, media_type: str, name: str = "") -> Artifact:
        text = base64.b64encode(data).decode()
        asked = self.line.ask(method="put", data=text, media_type=media_type, name=name)
        return Artifact(**asked)

    def put_file(self, path: Path, *, media_type: str | None = None) -> Artifact:
        whole = str(path.absolute())
        return Artifact(**self.line.ask(method="put_file", path=whole, media_type=media_type))

    def path(self, sha256: str) -> Path:
        return Path(self.line.ask(method="path", sha256=sha256))

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
        self.artifacts.line.tell({"progress": [done, total, unit]})

    def spend(self, *, usd: Decimal | None = None, tokens: int | None = None) -> None:
        self.artifacts.line.tell(
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
        call, line = parent.next_call(), Line(parent)
        line.tell({"begun": True})
        line.tell(_answer(line, call), last=True)


def _answer(line: Line, call: dict[str, Any]) -> dict[str, Json]:
    tool: Tool | None = None
    told = (call["run"], call["task"], call["node"], call["key"])
    context = RemoteContext(*told, RemoteArtifacts(line))
    try:
        tool = _tool(call["module"], call["name"], call["path"])
        result = tool.function(**prepared(tool, call["args"], context))
        return {"result": finished(tool, result, context)}
    except BaseException as error:  # noqa: BLE001 - the tool's boundary
        again = tool is not None and worth_retrying(tool, error)
        return {
            "error": {
                "kind": type(error).__name__,
                "message": said(error),
                "retryable": again,
                "stored": not isinstance(error, ParentsStoreError),
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
