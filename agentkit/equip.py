"""What an agent is given as tools, as tools by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agentkit.errors import UsageError
from agentkit.protocols import Toolset
from agentkit.tool import Tool, as_tool


def equip(
    given: Sequence[str | Tool | Toolset | Callable[..., Any]], store: Path = Path(".agentkit")
) -> dict[str, Tool]:
    """Tools by name, from names of built-in ones, toolsets, tools and plain typed functions.

    Raises `UsageError` where two have the same name.

    >>> [*equip(["files:."])]
    ['read_file', 'write_file', 'list_files']
    """
    found: dict[str, Tool] = {}
    for one in given:
        for tool in _made(one, store):
            if tool.name in found:
                raise UsageError(f"two tools are named {tool.name!r}; rename one of them")
            found[tool.name] = tool
    return found


def _made(one: str | Tool | Toolset | Callable[..., Any], store: Path) -> Sequence[Tool]:
    if isinstance(one, str):
        # Only now: the built-in tools are a third of agentkit, and many agents have none of them.
        from agentkit.tools import named

        return named(one, store)
    return one.tools(store) if isinstance(one, Toolset) else [as_tool(one)]
