"""Built-in tools by name, as in `Agent(tools=["python", "search:handbook"])`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentkit.errors import UsageError
from agentkit.nearest import nearest
from agentkit.tool import Tool

Made = list[Tool[Any, Any]]


def _python(argument: str, store: Path) -> Made:
    from agentkit.tools.python import python

    return [python()]


def _files(argument: str, store: Path) -> Made:
    from agentkit.tools.files import files

    return files(argument or ".")


def _read_image(argument: str, store: Path) -> Made:
    from agentkit.tools.read_image import read_image

    return [read_image()]


def _transcribe(argument: str, store: Path) -> Made:
    from agentkit.tools.transcribe import transcribe

    return [transcribe()]


def _search(argument: str, store: Path) -> Made:
    from agentkit.tools.search import search

    return [search(argument or ".", index=store / "index")]


def _language(argument: str, store: Path) -> Made:
    from agentkit.tools.language import ask, compute, extract, summarize, translate

    return [compute(), ask(), summarize(), translate(), extract()]


def _compute(argument: str, store: Path) -> Made:
    from agentkit.tools.language import compute

    return [compute()]


FACTORIES: Mapping[str, Callable[[str, Path], Made]] = MappingProxyType(
    {
        "compute": _compute,
        "files": _files,
        "language": _language,
        "python": _python,
        "read_image": _read_image,
        "search": _search,
        "transcribe": _transcribe,
    }
)
"""From a name to what makes its tools, given the text after the colon and the agent's store."""

_TAKES_FOLDER = frozenset({"files", "search"})


def named(name: str, store: Path = Path(".agentkit")) -> Made:
    """The built-in tools of that name; `search:FOLDER` and `files:FOLDER` say which
    folder (else the current one).

    `store` is the agent's folder, for what a tool keeps. Raises `UsageError` with the nearest name
    for an unknown one.

    >>> [tool.name for tool in named("files:.")]
    ['read_file', 'write_file', 'list_files']
    """
    word, colon, argument = name.partition(":")
    if word not in FACTORIES:
        near = nearest(word, FACTORIES)
        hint = f"; did you mean {near!r}?" if near else ""
        known = ", ".join(sorted(FACTORIES))
        raise UsageError(f"expected a tool or one of the names {known}; came {name!r}{hint}")
    if colon and word not in _TAKES_FOLDER:
        raise UsageError(f"the tool {word!r} takes nothing after a colon; came {name!r}")
    return FACTORIES[word](argument, store)
