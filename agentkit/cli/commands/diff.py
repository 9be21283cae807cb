"""`agentkit diff`: two runs compared."""

from __future__ import annotations

import click

from agentkit.cli.settings import store_option
from agentkit.cli.stored import events_of


@click.command("diff", short_help="Compare two runs.")
@click.argument("before")
@click.argument("after")
@store_option
def command(before: str, after: str, store: str) -> int:
    """Compare the runs BEFORE and AFTER: plans, arguments, outcomes, answers, usage."""
    from agentkit.cli.compared import lines
    from agentkit.diff import diff

    for line in lines(diff(events_of(store, before), events_of(store, after))):
        print(line)
    return 0
