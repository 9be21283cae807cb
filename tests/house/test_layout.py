"""The rules of the house that a linter does not know: file and function size, the four links."""

from __future__ import annotations

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.house.names import name_of, normal

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("agentkit", "tools", "planners", "memory", "weights")
FOLDERS = (*PACKAGES, "examples", "tests", "benchmarks", "training")
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 40


def python_files() -> list[Path]:
    """Every Python file of the project, once: linked folders are read where they live."""
    return sorted(
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if not any(parent.is_symlink() for parent in path.parents)
    )


def test_no_file_is_too_long() -> None:
    sizes = {path: len(path.read_text("utf-8").splitlines()) for path in python_files()}
    assert len(sizes) > 10
    assert {p: n for p, n in sizes.items() if n > MOST_LINES_OF_A_FILE} == {}


def test_no_function_is_too_long() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {body} lines"
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (body := lines_of(node)) > MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's signature and code; its docstring is not code."""
    last = node.end_lineno or node.lineno
    doc = node.body[0] if ast.get_docstring(node) is not None else None
    text = 0 if doc is None else (doc.end_lineno or doc.lineno) - doc.lineno + 1
    return last - node.lineno + 1 - text


@pytest.mark.parametrize("name", ["tools", "planners", "memory", "weights"])
def test_linked_folder_is_the_one_at_the_top(name: str) -> None:
    link = ROOT / "agentkit" / name
    assert link.is_symlink()
    assert link.resolve() == ROOT / name
    assert (link / "__init__.py").is_file()


def test_every_package_is_in_the_wheel() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    moved: dict[str, str] = config["package-dir"]
    found = {
        ".".join(init.parent.relative_to(ROOT).parts)
        for init in (ROOT / "agentkit").rglob("__init__.py")
        if not any(parent.is_symlink() for parent in init.parents)
    }
    for name, folder in moved.items():
        inits = (ROOT / folder).rglob("__init__.py")
        found |= {".".join((name, *i.parent.relative_to(ROOT / folder).parts)) for i in inits}
    assert found == set(config["packages"])


PART_OF = {
    "markupsafe": "jinja2",
    "mcp-types": "mcp",
    "pydantic-core": "pydantic",
    "pydantic-monty-client": "pydantic-monty",
    "referencing": "jsonschema",
    "starlette": "mcp",
}
"""A distribution whose version another one fixes: to depend on that one is enough."""


def test_every_imported_package_is_declared() -> None:
    """What other packages happen to install today is not ours to import. What is not installed
    here, as PyTorch may be, goes by its own name."""
    homes = packages_distributions()
    ours = [path for path in python_files() if path.relative_to(ROOT).parts[0] in PACKAGES]
    imported = {name for path in ours for name in imports_of(path)} - sys.stdlib_module_names
    found = {normal(homes.get(name, [name])[0]) for name in imported - {"agentkit"}}
    assert {PART_OF.get(name, name) for name in found} - declared() == set()


def imports_of(path: Path) -> set[str]:
    """The top-level names of all absolute imports in a file, those inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def declared() -> set[str]:
    """The distributions that the core and the extras ask for, tools for developers aside."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    asked = [*project["dependencies"], *(need for name in extras for need in extras[name])]
    return {name_of(need) for need in asked}
