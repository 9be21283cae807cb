"""docs/architecture.md draws the house as it is: its layers, and only modules that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import agentkit.protocols

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
CONTRACT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]


def rows(section: str) -> list[list[str]]:
    """The cells of each row of the table in a section, its head left out."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def test_the_layers_are_those_that_the_linter_holds() -> None:
    held: list[str] = CONTRACT["contracts"][0]["layers"]
    assert [names(row[0]) for row in rows("Layers")] == [
        set(re.findall(r"\w+", layer)) for layer in held
    ]


def test_every_layer_exists() -> None:
    for layer in (name for row in rows("Layers") for name in names(row[0])):
        place = ROOT / "agentkit" / layer
        assert place.is_dir() or place.with_suffix(".py").is_file(), layer


def test_every_file_and_folder_named_exists() -> None:
    named = set(re.findall(r"[\w/]+\.py\b", PAGE)) | set(re.findall(r"\b\w+/(?=[`<])", PAGE))
    assert len(named) > 20
    places = (ROOT, ROOT / "agentkit")
    assert [name for name in sorted(named) if not any((p / name).exists() for p in places)] == []


def test_every_socket_is_told() -> None:
    protocols = {
        name
        for name, value in vars(agentkit.protocols).items()
        if getattr(value, "_is_protocol", False) and value.__module__ == "agentkit.protocols"
    }
    assert {name for row in rows("Sockets") for name in names(row[0])} == protocols
