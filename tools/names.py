"""Built-in tools by name, as in `Agent(tools=["python", "search:handbook"])`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentkit.errors import UsageError
from agentkit.nearest import nearest
from agentkit.tool import Tool, as_tool
from agentkit.tools.compute import compute
from agentkit.tools.files import files
from agentkit.tools.language import ask, extract, summarize, translate
from agentkit.tools.python import python
from agentkit.tools.rag import rag
from agentkit.tools.read_image import read_image
from agentkit.tools.search import search
from agentkit.tools.speak import speak
from agentkit.tools.transcribe import transcribe

Made = list[Tool[Any, Any]]

_ALONE: Mapping[str, Callable[[], Tool[Any, Any]]] = MappingProxyType(
    {
        "ask": ask,
        "compute": compute,
        "extract": extract,
        "python": python,
        "read_image": read_image,
        "speak": speak,
        "summarize": summarize,
        "transcribe": transcribe,
        "translate": translate,
    }
)


def _files(folder: str, store: Path) -> Made:
    return files(folder)


def _language(folder: str, store: Path) -> Made:
    return [compute(), ask(), summarize(), translate(), extract()]


def _rag(folder: str, store: Path) -> Made:
    return [rag(folder, index=store / "index")]


def _search(folder: str, store: Path) -> Made:
    return [search(folder, index=store / "index")]


def _alone(make: Callable[[], Tool[Any, Any]]) -> Callable[[str, Path], Made]:
    return lambda folder, store: [make()]


FACTORIES: Mapping[str, Callable[[str, Path], Made]] = MappingProxyType(
    {name: _alone(make) for name, make in _ALONE.items()}
    | {"files": _files, "language": _language, "rag": _rag, "search": _search}
)
"""From a name to what makes its tools, given a folder of files and the agent's store."""

_TAKES_FOLDER = frozenset({"files", "rag", "search"})


def named(name: str, store: Path = Path(".agentkit")) -> Made:
    """The built-in tools of that name.

    `search:FOLDER`, `rag:FOLDER` and `files:FOLDER` say which folder, else it is the current one;
    `language` is compute, ask, summarize, translate and extract. `store` is the agent's folder, for
    what a tool keeps. Raises `UsageError` with the nearest name for an unknown one.

    >>> [tool.name for tool in named("files:.")]
    ['read_file', 'write_file', 'list_files']
    """
    word, colon, folder = name.partition(":")
    if word not in FACTORIES:
        near = nearest(word, FACTORIES)
        hint = f"; did you mean {near!r}?" if near else ""
        known = ", ".join(sorted(FACTORIES))
        raise UsageError(f"expected a tool or one of the names {known}; came {name!r}{hint}")
    if colon and word not in _TAKES_FOLDER:
        raise UsageError(f"the tool {word!r} takes nothing after a colon; came {name!r}")
    return FACTORIES[word](folder or ".", store)


def equip(
    given: Sequence[str | Tool | Callable[..., Any]], store: Path = Path(".agentkit")
) -> dict[str, Tool]:
    """Tools by name, from names of built-in ones, tools and plain typed functions.

    Raises `UsageError` where two have the same name.

    >>> [*equip(["files:."])]
    ['read_file', 'write_file', 'list_files']
    """
    found: dict[str, Tool] = {}
    for one in given:
        for tool in named(one, store) if isinstance(one, str) else [as_tool(one)]:
            if tool.name in found:
                raise UsageError(f"two tools are named {tool.name!r}; rename one of them")
            found[tool.name] = tool
    return found
