"""`agentkit runs`: what has been run."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict

import click

from agentkit.cli.settings import store_option
from agentkit.text import inert, one_line


@click.command("runs", short_help="List runs, newest first.")
@click.option("--failed", is_flag=True, help="Only those that did not come to an answer.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@store_option
def command(failed: bool, limit: int, as_json: bool, store: str) -> int:
    """List runs, newest first.

    `ready` is a run that a worker may carry on, `scheduled` one whose time has not come. `running`
    is one without an end on record; if it is no worker's, its process may have gone.
    """
    from agentkit.cli.stored import summaries

    found = summaries(store) if failed else summaries(store, limit)
    shown = [run for run in found if not (failed and run.status == "answered")][:limit]
    if as_json:
        print(json.dumps([asdict(run) for run in shown], indent=2))
        return 0
    for run in shown:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created))
        print(f"{inert(run.run)}  {when}  {run.status:<9}  {one_line(run.task, 60)}")
    if any(run.status == "running" for run in shown):
        print(
            "running: no end on record; where its process has gone (killed, a full disk), "
            "go on with agentkit resume RUN",
            file=sys.stderr,
        )
    return 0
