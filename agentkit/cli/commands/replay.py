"""`agentkit replay`: a run's journal, executed again with no outside call."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from agentkit.cli.chosen import Chosen, build, choice_options, of_run
from agentkit.cli.stored import events_of


@click.command("replay", short_help="Execute a run's journal again; call nothing.")
@click.argument("run")
@click.option("--save", metavar="FILE", help="Also write the run to FILE, for a test.")
@choice_options
def command(run: str, save: str | None, chosen: Chosen) -> int:
    """Check that RUN would be decided today as it was: no tool is called, and no model.

    Exit code 1 and the first difference, with both sides, where it would not. A saved run is a
    regression test: agentkit.testing.assert_replays(agent, FILE).
    """
    events = events_of(chosen.store, run)
    agent = build(of_run(events[0], chosen), os.environ)
    done = asyncio.run(agent.replay(events))
    parts = "" if done.parts == 1 else f" in {done.parts} parts"
    print(f"identical: {done.events} events{parts}")
    if save is not None:
        from agentkit.testing import save_run

        save_run(events, save)
        print(f"saved in {save}", file=sys.stderr)
    return 0
