"""The files of `prompts/`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def prompt_file(name: str) -> str:
    """The text of a file in `prompts/`."""
    return (files("agentkit.planners") / "prompts" / name).read_text(encoding="utf-8").strip()
