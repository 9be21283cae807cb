"""The tools `read_file`, `write_file` and `list_files`: text files under one folder.

>>> import tempfile
>>> read_file, write_file, list_files = files(tempfile.mkdtemp())
>>> write_file(path="notes/today.md", text="# Today")
Written(path='notes/today.md', size_bytes=7)
>>> list_files(), read_file(path="notes/today.md").text
(['notes/today.md'], '# Today')
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.budget import FREE
from agentkit.errors import ToolError, UsageError
from agentkit.tool import Tool, tool
from agentkit.tools.folder import Folder


@dataclass(frozen=True, slots=True, kw_only=True)
class FileText:
    """A file's text and its path under the root."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where the text went, and its size in bytes."""

    path: str
    size_bytes: int


def files(
    root: str | Path, *, most_bytes: int = 1_000_000, most_files: int = 1000
) -> list[Tool[Any, Any]]:
    """Three tools for text files (UTF-8) under `root`; nothing outside it can be reached.

    No link is followed, and names that begin with a dot (`.git`, `.env`, the agent's own store)
    are neither listed, read nor written. A file larger than `most_bytes` is refused; `list_files`
    gives at most `most_files` names. Raises `UsageError` if `root` is not a folder.
    """
    place = Path(root).resolve()
    if not place.is_dir():
        raise UsageError(f"files: expected a folder, came {str(root)!r}; create it first")
    folder = Folder(place)

    @tool(effect="read", trusted=False, expected_s=0.01, cost=FREE)
    def read_file(path: str) -> FileText:
        """Read a text file.

        Args:
            path: Where it is, as list_files gives it.
        """
        return FileText(path=path, text=_decode(path, folder.read(path, most_bytes)))

    @tool(effect="write", expected_s=0.01, cost=FREE)
    def write_file(path: str, text: str) -> Written:
        """Write a text file, in place of the one that is there.

        Args:
            path: Where to write it, for example report.md.
            text: All of its text.
        """
        data = _encode(text)
        if len(data) > most_bytes:
            raise ToolError(
                f"{path}: the text has {len(data):,} bytes; write at most {most_bytes:,} a file"
            )
        folder.write(path, data)
        return Written(path=path, size_bytes=len(data))

    @tool(effect="read", trusted=False, expected_s=0.01, cost=FREE)
    def list_files() -> list[str]:
        """List the files: their paths, sorted."""
        return folder.names(most_files)

    return [read_file, write_file, list_files]


def _decode(path: str, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ToolError(
            f"{path}: expected text in UTF-8, came other bytes at {error.start}; "
            "give a text file, or pass a PDF, image or recording as an input"
        ) from None
    if "\0" in text:
        raise ToolError(f"{path}: expected text, came binary data (a NUL byte)")
    return text


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ToolError(f"the text cannot be written as UTF-8: {error.reason}") from None
