"""Names of packages, as requirements write them and as the registry compares them."""

from __future__ import annotations

import re


def name_of(requirement: str) -> str:
    """The package that a requirement asks for: `Faiss_CPU>=1.9` is `faiss-cpu`."""
    return normal(re.split(r"[\[<>=!~ ]", requirement, maxsplit=1)[0])


def normal(name: str) -> str:
    """A package name as the registry compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
