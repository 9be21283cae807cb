"""Tools that run in child processes, which import this module."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from agentkit.errors import StoreError, ToolError, UsageError
from agentkit.media import Media
from agentkit.tool import Context, Retry, tool

Text = Annotated[Path, Media("text/plain")]


@tool(effect="pure", runs="process")
def where(numbers: list[int]) -> dict[str, int]:
    """The sum, and the process that made it."""
    print("a tool may print")
    return {"sum": sum(numbers), "pid": os.getpid()}


@tool(effect="read", runs="process")
def refuse(loud: bool) -> str:
    """Says no, one way or the other."""
    if loud:
        sys.exit("bye")
    raise ToolError("no", retryable=True)


class Panic(BaseException):
    """What extensions in Rust raise, and `except Exception` does not see."""


@tool(effect="once", runs="process")
def panic() -> str:
    """Fails below Python."""
    raise Panic("index out of bounds")


@tool(effect="read", runs="process")
def other_store() -> str:
    """Has a store of its own, which fails."""
    raise StoreError("no room in the other one")


@tool(effect="read", runs="process")
def crash() -> str:
    """Takes its process along."""
    os._exit(7)


@tool(effect="once", runs="process")
def send_and_crash() -> str:
    """May have sent something."""
    os._exit(7)


@tool(effect="once", runs="process")
def send() -> str:
    """Sends something."""
    return "sent"


@tool(effect="read", runs="process")
def leave_a_child(file: str) -> str:
    """Starts a child, writes its process id, and dies."""
    child = subprocess.Popen(["sleep", "600"])
    Path(file).write_text(str(child.pid))
    os._exit(7)


@tool(effect="read", runs="process", timeout_s=5)
def hang(file: str) -> str:
    """Starts a child of its own, writes both process ids, and stays for ever."""
    child = subprocess.Popen(["sleep", "600"])
    Path(file).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)
    return "never"


@tool(effect="read", runs="process", timeout_s=60)
def listen() -> str:
    """What a program reads that the tool starts."""
    return subprocess.run(["cat"], capture_output=True, text=True, check=True).stdout


@tool(effect="pure", runs="process")
def shout(text: Text, context: Context) -> Text:
    """The text in capitals, as another artifact."""
    context.progress(1, 2, "lines")
    louder = Path(f"{text.name}.txt").absolute()
    context.artifacts.put(b"beside", media_type="text/plain", name="beside.txt")
    louder.write_text(text.read_text().upper())
    return louder


@tool(effect="pure", runs="process")
def wrong() -> int:
    """Returns what it does not promise."""
    return "one"  # type: ignore[return-value]


@tool(effect="read", runs="process", retry=Retry(attempts=2, first_s=0.01, most_s=0.01))
def second_time(file: str) -> str:
    """Works when the file is there, and makes it."""
    if not Path(file).exists():
        Path(file).touch()
        raise ConnectionResetError("not yet")
    return "ok"


@tool(effect="read", runs="process")
def store_many(context: Context) -> int:
    """How many handles, asked for by several threads at once, name other bytes."""

    def is_wrong(n: int) -> bool:
        data = f"{n} ".encode() * 1000
        handle = context.artifacts.put(data, media_type="text/plain")
        return handle.sha256 != sha256(data).hexdigest()

    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(is_wrong, range(200)))


_speak, _spoken = threading.Event(), list[str]()


@tool(effect="read", runs="process")
def leave_a_thread(context: Context) -> str:
    """Returns while one of its threads still has something to say."""

    def later() -> None:
        _speak.wait()
        context.progress(99)
        context.spend(tokens=99)
        try:
            context.artifacts.put(b"late", media_type="text/plain")
        except UsageError as error:
            _spoken.append(str(error))

    threading.Thread(target=later, name="later").start()
    return "on its way"


@tool(effect="read", runs="process", timeout_s=20)
def hear_it_out(after: str) -> list[str]:
    """Lets that thread speak, and what the last thing came to that it tried."""
    (later,) = (thread for thread in threading.enumerate() if thread.name == "later")
    _speak.set()
    later.join()
    return _spoken
