"""What `approve`, `deny` and `resolve` share: the run is found, and how it goes on is said."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from agentkit.cli.hints import Hints
from agentkit.cli.stored import opened, require_store, run_named

if TYPE_CHECKING:
    from agentkit.protocols import Journal


def decide(store: str, run: str, record: Callable[[Journal, str], Awaitable[None]]) -> int:
    """Records the decision about the run, which may be named by the beginning of its id."""

    async def recorded() -> str:
        async with opened(store) as journal:
            found = await run_named(journal, run, store)
            await record(journal, found)
            return found

    require_store(store)
    found = asyncio.run(recorded())
    print(f"decided; {Hints(store=store).stopped(found)}", file=sys.stderr)
    return 0


def person() -> str:
    """Who decides, as far as the system knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in containers
        return ""
