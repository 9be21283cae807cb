"""Tools with `runs="process"`: calls in child processes that can really be killed.

A child speaks JSON over its pipes (an 8-byte length before each message) and is told what to call
as `module:qualname`. Nothing is pickled: what a tool returns can not make this process run code.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from agentkit.engine.context import CallContext
from agentkit.errors import AgentkitError, StoreError, ToolError, UsageError
from agentkit.tool import Tool
from agentkit.types import Json

if TYPE_CHECKING:
    from agentkit.media import Artifact
    from agentkit.protocols import ArtifactStore

LENGTH_BYTES = 8
START = (
    "import json, sys; __agentkit_worker__ = True; sys.path[:] = json.loads(sys.argv[1]); "
    "from agentkit.engine.worker import main; main()"
)


class ProcessDied(ToolError):
    """A tool's process ended before it returned anything."""


class RemoteError(ToolError):
    """What a tool raised in its process; `kind` is the class name it had there."""

    def __init__(self, kind: str, message: str, *, retryable: bool) -> None:
        super().__init__(message, retryable=retryable)
        self.kind = kind


def target(tool: Tool) -> dict[str, Json]:
    """Where a child finds the tool's function. Raises `UsageError` if it can not."""
    function = tool.function
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "<")
    if module is None or "<" in name:
        raise UsageError(
            f"tool {tool.name!r} runs in a process, which has to import its function; "
            "define it at the top level of a module"
        )
    main = sys.modules["__main__"]
    if module != "__main__":
        return {"module": module, "name": name, "path": None}
    if (spec := getattr(main, "__spec__", None)) is not None:
        return {"module": spec.name, "name": name, "path": None}
    if (path := getattr(main, "__file__", None)) is None:
        raise UsageError(
            f"tool {tool.name!r} runs in a process, which can not import what an interactive "
            "session defines; put it into a file"
        )
    return {"module": module, "name": name, "path": os.path.abspath(path)}


class Processes:
    """Child processes, one for each call at a time; idle ones are used again."""

    def __init__(self) -> None:
        self._idle: list[Process] = []
        self._all: list[Process] = []

    async def run(self, tool: Tool, args: Mapping[str, Json], context: CallContext) -> Json:
        """The validated result. Being cancelled kills the process.

        Raises `RemoteError` for what the tool raises, `ProcessDied` if its process ends, and
        `StoreError` where the artifact store failed.
        """
        used = bool(self._idle)
        process = self._idle.pop() if used else await self._start()
        begun = finished = False
        try:
            await _send(process, _asked(tool, args, context))
            await _receive(process)  # it says that it begins
            begun = True
            reply = await _talk(process, context)
            finished = True
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            code = await process.wait()
            _kill_group(process)  # what it had started is not gone with it
            if used and not begun:
                return await self.run(tool, args, context)  # it had died since its last call
            raise ProcessDied(
                f"{tool.name}: its process ended with exit code {code} before it returned; "
                "out of memory?",
                retryable=True,
            ) from error
        finally:
            if finished:
                self._idle.append(process)
            else:
                _kill(process)
        return _result(reply)

    async def close(self) -> None:
        """Kill every child and wait for its end."""
        for process in self._all:
            _kill(process)
        for process in self._all:
            await process.wait()
        self._all.clear()
        self._idle.clear()

    async def _start(self) -> Process:
        if getattr(sys.modules["__main__"], "__agentkit_worker__", False):
            raise UsageError(
                'a script with runs="process" tools must start its run under '
                'if __name__ == "__main__": its tools\' processes import it too'
            )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", START, json.dumps(sys.path), stdin=PIPE, stdout=PIPE,
            start_new_session=True,
        )  # fmt: skip
        self._all.append(process)
        return process


def _asked(tool: Tool, args: Mapping[str, Json], context: CallContext) -> dict[str, Json]:
    """What a child is told of a call."""
    call: dict[str, Json] = {
        "run": context.run, "task": context.task, "node": context.node, "key": context.key,
    }  # fmt: skip
    return {**target(tool), **call, "args": dict(args)}


def _result(reply: dict[str, Any]) -> Json:
    """What a child's call came to; raised, where it is an error."""
    if "error" not in reply:
        return cast("Json", reply["result"])
    told = reply["error"]
    if not told["stored"]:
        raise StoreError(told["message"])
    raise RemoteError(told["kind"], told["message"], retryable=told["retryable"])


async def _talk(process: Process, context: CallContext) -> dict[str, Any]:
    """Serve what a call asks for, and give its reply."""
    while True:
        message = await _receive(process)
        if "progress" in message:
            context.progress(*message["progress"])
        elif "spend" in message:
            context.spend(**message["spend"])
        elif "artifact" in message:
            found = _artifact(context.artifacts, message["artifact"])
            await _send(process, {"to": message["number"], **found})
        else:
            return message


def _artifact(store: ArtifactStore, asked: dict[str, Any]) -> dict[str, Json]:
    """What the store has to say to a child."""
    try:
        match asked["method"]:
            case "path":
                return {"value": str(store.path(asked["sha256"]))}
            case "put":
                data = base64.b64decode(asked["data"])
                handle = store.put(data, media_type=asked["media_type"], name=asked["name"])
                return {"value": _handle(handle)}
            case _:
                path, media_type = Path(asked["path"]), asked["media_type"]
                return {"value": _handle(store.put_file(path, media_type=media_type))}
    except AgentkitError as error:
        return {"error": str(error), "usage": isinstance(error, UsageError)}


def _handle(artifact: Artifact) -> dict[str, Json]:
    return {
        "sha256": artifact.sha256,
        "media_type": artifact.media_type,
        "size_bytes": artifact.size_bytes,
        "name": artifact.name,
        "preview": artifact.preview,
    }


async def _send(process: Process, message: dict[str, Json]) -> None:
    assert process.stdin is not None
    data = json.dumps(message).encode()
    process.stdin.write(len(data).to_bytes(LENGTH_BYTES) + data)
    await process.stdin.drain()


async def _receive(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES))
    return cast("dict[str, Any]", json.loads(await process.stdout.readexactly(length)))


def _kill(process: Process) -> None:
    """The child and whatever it started."""
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        _kill_group(process)


def _kill_group(process: Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
