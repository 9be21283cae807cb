"""Examples in the documentation and in docstrings are tests: `>>>` prompts and python fences."""

from __future__ import annotations

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser

PARSERS = [DocTestParser(ELLIPSIS | NORMALIZE_WHITESPACE), PythonCodeBlockParser()]

pytest_collect_file = (
    Sybil(parsers=PARSERS, pattern="*.py", path="agentkit")
    + Sybil(parsers=PARSERS, patterns=["README.md", "docs/*.md"])
).pytest()


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a file stay together in one worker, and so do all that run the large model: it
    takes every core, and two at once are slower than one after the other."""
    for item in items:
        group = "examples" if item.path.parent.name == "examples" else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
