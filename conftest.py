"""Examples in the documentation and in docstrings are tests: `>>>` prompts and python fences."""

from __future__ import annotations

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser

PARSERS = [DocTestParser(ELLIPSIS | NORMALIZE_WHITESPACE), PythonCodeBlockParser()]

pytest_collect_file = (
    Sybil(parsers=PARSERS, pattern="*.py", path="agentkit")
    + Sybil(parsers=PARSERS, patterns=["README.md", "docs/*.md"])
).pytest()
