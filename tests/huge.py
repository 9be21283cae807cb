"""Tools with ten megabytes in one result, which would act on a terminal or a page too."""

from __future__ import annotations

from agentkit import ToolError, tool

LONG = "\x1b[31m\u202e<b>é" * 800_000
"""Ten megabytes."""

SOME = LONG[:200_000]
"""As much as a plan may put into an answer by itself, and more than a terminal or a page shows."""

ROWS = 100_000


@tool(effect="read", trusted=False)
async def much() -> str:
    """Ten megabytes in one text."""
    return LONG


@tool(effect="read", trusted=False)
async def some() -> str:
    """Some of it."""
    return SOME


@tool(effect="read", trusted=False)
async def many() -> list[dict[str, int]]:
    """Many rows."""
    return [{"n": number} for number in range(ROWS)]


@tool(effect="read", trusted=False)
async def fail_long() -> str:
    """Fail with ten megabytes."""
    raise ToolError(LONG)
