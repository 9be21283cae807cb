"""`agentkit approve`: a call that waits may be made."""

from __future__ import annotations

import click

from agentkit.cli.decided import decide, person
from agentkit.cli.settings import store_option


@click.command("approve", short_help="Allow a call that waits for approval.")
@click.argument("run")
@click.argument("node")
@click.option("--set", "changes", metavar="NAME=JSON", multiple=True, help="Other arguments.")
@store_option
def command(run: str, node: str, changes: tuple[str, ...], store: str) -> int:
    """Allow the call of NODE in RUN; `agentkit show RUN` tells what it would do."""
    from agentkit.cli.chosen import parse_sets
    from agentkit.decide import approve

    args = parse_sets(changes)
    return decide(
        store,
        run,
        lambda journal, found: approve(journal, found, node, args=args, by=person()),
    )
