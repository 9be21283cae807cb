"""`agentkit deny`: a call that waits must not be made."""

from __future__ import annotations

import click

from agentkit.cli.decided import decide, person
from agentkit.cli.settings import store_option


@click.command("deny", short_help="Refuse a call that waits for approval.")
@click.argument("run")
@click.argument("node")
@click.option("--reason", default="", help="What the planner is told.")
@store_option
def command(run: str, node: str, reason: str, store: str) -> int:
    """Refuse the call of NODE in RUN; what needs it is skipped, everything else goes on."""
    from agentkit.decide import deny

    return decide(
        store, run, lambda journal, found: deny(journal, found, node, reason=reason, by=person())
    )
