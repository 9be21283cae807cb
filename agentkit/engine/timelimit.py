"""The time that an attempt may take."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from agentkit.tool import Tool


class TimedOut(TimeoutError):
    """An attempt took longer than its tool's `timeout_s`."""


async def within(tool: Tool, call: Coroutine[Any, Any, Any]) -> Any:
    """What the call comes to within the tool's time limit. Raises `TimedOut`."""
    if tool.timeout_s is None:
        return await call
    limit = asyncio.timeout(tool.timeout_s)
    try:
        async with limit:
            return await call
    except TimeoutError as error:
        if not limit.expired():
            raise  # the tool's own
        raise TimedOut(
            f"{tool.name}: no result within {tool.timeout_s:g} s, its timeout_s"
        ) from error
