"""`agentkit worker`: carries on the runs that were submitted."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from agentkit.cli.settings import store_option
from agentkit.text import inert

if TYPE_CHECKING:
    from agentkit.agent import Agent


@click.command("worker", short_help="Carry on the runs that were submitted.")
@click.option(
    "-n", "at_once", type=click.IntRange(1), default=4, show_default=True, help="At once."
)
@click.option(
    "--lease",
    "lease_s",
    metavar="SECONDS",
    type=click.FloatRange(0.1),
    default=15.0,
    show_default=True,
    help="After so long without a sign of life this worker's runs are others'.",
)
@click.option(
    "--deaths",
    "most_deaths",
    metavar="N",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="A run has failed once so many workers in a row died with it.",
)
@store_option
def command(at_once: int, lease_s: float, most_deaths: int, store: str) -> int:
    """Carry on the runs that are submitted to the store, until Ctrl-C or SIGTERM.

    Any number of workers may share a store, on any number of machines that have the agents' files
    and, with a database, the same AGENTKIT_ARTIFACTS. A run whose worker dies is taken over by
    another one; one that kills its workers is not begun for ever.
    """
    from agentkit.cli.chosen import build, from_origin
    from agentkit.cli.interrupt import interruptible
    from agentkit.cli.stored import open_here
    from agentkit.cli.tracing import traced_here
    from agentkit.memory import Conversation
    from agentkit.worker import work

    async def until_stopped() -> None:
        opened = traced_here(open_here(store), os.environ)
        turns = Conversation(opened.journal)

        def load(origin: str) -> Agent[Any]:
            agent = build(from_origin(origin, store), os.environ, asking=False)
            return agent if agent.memory else replace(agent, memory=[turns])

        try:
            say("waiting for runs")
            await work(
                opened,
                load,
                at_once=at_once,
                lease_s=lease_s,
                most_deaths=most_deaths,
                say=say,
            )
        finally:
            await opened.close()

    try:
        interruptible(until_stopped())
    except asyncio.CancelledError:
        say("stopped; what had not ended is ready for other workers")
    return 0


def say(text: str) -> None:
    """A line about what becomes of the runs."""
    with suppress(BrokenPipeError):  # nobody listens any more; the runs go on
        print(inert(text), file=sys.stderr, flush=True)
