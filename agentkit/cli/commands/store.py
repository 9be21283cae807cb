"""`agentkit store`: looks after the folder that keeps runs."""

from __future__ import annotations

import click

from agentkit.cli.store_upkeep import collect_artifacts, prune_runs


@click.group("store", short_help="Look after the store of runs.")
def command() -> None:
    """Look after the store that keeps runs, their events and their artifacts."""


command.add_command(prune_runs)
command.add_command(collect_artifacts)
