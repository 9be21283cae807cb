"""Built-in tools by name, as in `Agent(tools=["python", "search:handbook"])`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentkit.errors import UsageError
from agentkit.nearest import nearest
from agentkit.protocols import Toolset
from agentkit.tool import Tool
from agentkit.tools.compute import compute
from agentkit.tools.describe_image import describe_image
from agentkit.tools.files import files
from agentkit.tools.generate_image import generate_image
from agentkit.tools.label_image import image_text_similarity, label_image
from agentkit.tools.language import ask, extract, summarize, translate
from agentkit.tools.mcp import McpServer
from agentkit.tools.openapi.named import from_name
from agentkit.tools.python import python
from agentkit.tools.rag import rag
from agentkit.tools.read_image import read_image
from agentkit.tools.search import search
from agentkit.tools.search_images import search_images
from agentkit.tools.speak import speak
from agentkit.tools.transcribe import transcribe

Made = list[Tool[Any, Any]]

_ALONE: Mapping[str, Callable[[], Tool[Any, Any]]] = MappingProxyType(
    {
        "ask": ask,
        "compute": compute,
        "describe_image": describe_image,
        "extract": extract,
        "generate_image": generate_image,
        "image_text_similarity": image_text_similarity,
        "label_image": label_image,
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


def _search_images(folder: str, store: Path) -> Made:
    return [search_images(folder, index=store / "index")]


def _alone(make: Callable[[], Tool[Any, Any]]) -> Callable[[str, Path], Made]:
    return lambda folder, store: [make()]


_TOOLSETS: Mapping[str, Callable[[str], Toolset]] = MappingProxyType(
    {"mcp": McpServer, "openapi": from_name}
)
"""What comes from elsewhere, made of what stands after the colon."""

FACTORIES: Mapping[str, Callable[[str, Path], Made]] = MappingProxyType(
    {name: _alone(make) for name, make in _ALONE.items()}
    | {"files": _files, "language": _language, "rag": _rag, "search": _search}
    | {"search_images": _search_images}
)
"""From a name to what makes its tools, given a folder of files and the agent's store."""

TAKE_FOLDER = frozenset({"files", "rag", "search", "search_images"})
"""Those after whose colon a folder stands."""


def named(name: str, store: Path = Path(".agentkit")) -> Made:
    """The built-in tools of that name.

    `search:FOLDER`, `search_images:FOLDER`, `rag:FOLDER` and `files:FOLDER` say which folder, else
    it is the current one; `language` is compute, ask, summarize, translate and extract.
    `mcp:COMMAND` and `mcp:URL` are the tools of an MCP server (docs/mcp.md), and
    `openapi:FILE_OR_URL` the operations of an API document (docs/openapi.md). `store` is the
    agent's folder, for what a tool keeps. Raises `UsageError` with the nearest name for an
    unknown one.

    >>> [tool.name for tool in named("files:.")]
    ['read_file', 'write_file', 'list_files']
    """
    word, colon, folder = name.partition(":")
    if word in _TOOLSETS:
        return [*_TOOLSETS[word](folder).tools(store)]
    if word not in FACTORIES:
        names = FACTORIES.keys() | _TOOLSETS.keys()
        near = nearest(word, names)
        hint = f"; did you mean {near!r}?" if near else ""
        known = ", ".join(sorted(names))
        raise UsageError(f"expected a tool or one of the names {known}; came {name!r}{hint}")
    if colon and word not in TAKE_FOLDER:
        raise UsageError(f"the tool {word!r} takes nothing after a colon; came {name!r}")
    return FACTORIES[word](folder or ".", store)
