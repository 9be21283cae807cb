"""docs/dependencies.md tells about every dependency, and about none that is gone."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.house.names import name_of, normal

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_has_a_row_for_each_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    asked = [*project["dependencies"], *(need for extra in extras.values() for need in extra)]
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8").partition("## Looked at")[0]
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    told = {normal(row) for row in rows if row != "package"}
    assert told == {name_of(need) for need in asked} - {"agentkit"}
