"""Agents and task scripts from Python files that the caller names."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit.agent import Agent


def load_agent(origin: str) -> Agent[Any]:
    """The agent that `file.py:name` names. Runs the file, as `import` would.

    Raises `UsageError` where the file or the name is missing, or the name is no agent.
    """
    from agentkit.agent import Agent

    file, colon, name = origin.rpartition(":")
    if not colon or not file.endswith(".py") or not name.isidentifier():
        raise UsageError(f"expected an agent as file.py:name, got {origin!r}")
    module = load_module(Path(file))
    found = getattr(module, name, None)
    if isinstance(found, Agent):
        return found  # pyright: ignore[reportUnknownVariableType]
    agents = sorted(key for key, value in vars(module).items() if isinstance(value, Agent))
    there = f"agents there: {', '.join(agents)}" if agents else "there is no agent in it"
    raise UsageError(f"{file} has no agent named {name!r}; {there}")


def agents_in(given: str) -> Sequence[str]:
    """The origins that are meant by `file.py:name`, or by `file.py`: all agents of the file.

    Raises `UsageError` where there is none.
    """
    from agentkit.agent import Agent

    if not given.endswith(".py"):
        return [given]
    there = vars(load_module(Path(given)))
    names = [name for name, value in there.items() if isinstance(value, Agent)]
    if not names:
        raise UsageError(f"there is no agent in {given}")
    return [f"{given}:{name}" for name in names]


def load_module(path: Path) -> ModuleType:
    """The file as a module of its own; its folder comes first on the import path, as in Python."""
    require_script(path)
    name = f"agentkit_script_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and type hints of the file look their module up by name.
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    spec.loader.exec_module(module)
    return module


def has_main(path: Path) -> bool:
    """Whether the script defines `main` at its top level."""
    require_script(path)
    try:
        tree = ast.parse(path.read_text("utf-8"), filename=str(path))
    except SyntaxError as error:
        raise UsageError(f"{path}, line {error.lineno}: {error.msg}; mend the script") from error
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return any(isinstance(node, functions) and node.name == "main" for node in tree.body)


def require_script(path: Path) -> None:
    """Raises `UsageError` if there is no such file."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}; check the path")
