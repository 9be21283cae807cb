"""`agentkit store prune` and `agentkit store gc`: what keeps a store small."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from agentkit.cli.settings import store_option
from agentkit.cli.stored import open_here, require_store
from agentkit.cli.times import age
from agentkit.text import count_bytes, inert

if TYPE_CHECKING:
    from agentkit.store import Store

T = TypeVar("T")

_dry_run = click.option("--dry-run", is_flag=True, help="Say what would go, and keep it.")


@click.command("prune", short_help="Forget runs that ended long ago.")
@click.option(
    "--older-than",
    "older_than_s",
    callback=age,
    required=True,
    metavar="AGE",
    help="Only runs whose last event is older, like 30d or 12h.",
)
@click.option("--keep", type=click.IntRange(0), default=0, help="Keep so many of the newest runs.")
@_dry_run
@store_option
def prune_runs(older_than_s: float, keep: int, dry_run: bool, store: str) -> int:
    """Forget runs that ended long ago; prints their ids.

    Runs that are paused, still run or were killed stay. What they stored goes with `store gc`.
    """
    from agentkit.hygiene import prune

    gone = _with_store(
        store, lambda opened: prune(opened, older_than_s=older_than_s, keep=keep, dry_run=dry_run)
    )
    for run in gone:
        print(inert(run.run))
    done = "would be forgotten" if dry_run else "forgotten; free their artifacts: agentkit store gc"
    print(f"{_count(len(gone), 'run')} {done}", file=sys.stderr)
    return 0


@click.command("gc", short_help="Remove artifacts that no run names.")
@click.option(
    "--grace",
    "grace_s",
    callback=age,
    default="1d",
    show_default=True,
    metavar="AGE",
    help="Keep what was stored since; longer than any call takes.",
)
@_dry_run
@store_option
def collect_artifacts(grace_s: float, dry_run: bool, store: str) -> int:
    """Remove artifacts that no run and no cached value names.

    Runs may go on meanwhile. It may be stopped at any moment and started again.
    """
    from agentkit.hygiene import collect

    swept = _with_store(store, lambda opened: collect(opened, grace_s=grace_s, dry_run=dry_run))
    done = "would be removed" if dry_run else "removed"
    count = _count(swept.artifacts, "artifact")
    print(f"{count} ({count_bytes(swept.size_bytes)}) {done}", file=sys.stderr)
    return 0


def _with_store(where: str, work: Callable[[Store], Awaitable[T]]) -> T:
    async def worked() -> T:
        store = open_here(where)
        try:
            return await work(store)
        finally:
            await store.close()

    require_store(where)
    return asyncio.run(worked())


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
