"""`agentkit store`: looks after the folder that keeps runs."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from agentkit.cli.exits import FAILED
from agentkit.cli.settings import store_option
from agentkit.cli.store_upkeep import collect_artifacts, prune_runs
from agentkit.cli.stored import require_store
from agentkit.text import inert

if TYPE_CHECKING:
    from agentkit.damage import Checked


@click.group("store", short_help="Look after the store of runs.")
def command() -> None:
    """Look after the store that keeps runs, their events and their artifacts."""


command.add_command(prune_runs)
command.add_command(collect_artifacts)


@command.command("check", short_help="Find what is damaged.")
@store_option
def check_store(store: str) -> int:
    """Read every event and every artifact, and name what is not as it was written.

    Ends with 1 where something is damaged.
    """
    require_store(store)
    checked = asyncio.run(_checked(store))
    for each in checked.damage:
        print(inert(each))
    found = f"{len(checked.damage)} damaged" if checked.damage else "nothing is damaged"
    print(f"{checked.events} events, {checked.artifacts} artifacts: {found}", file=sys.stderr)
    return FAILED if checked.damage else 0


async def _checked(where: str) -> Checked:
    from agentkit.damage import check
    from agentkit.store import open_store

    store = open_store(where)
    try:
        return await check(store)
    finally:
        await store.close()
