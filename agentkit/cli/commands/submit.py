"""`agentkit submit`: a task for the workers of a store."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta

import click

from agentkit.cli.chosen import Chosen, build, choice_options, parse_inputs
from agentkit.cli.commands.run import is_script
from agentkit.cli.hints import Hints
from agentkit.cli.times import age, moment
from agentkit.errors import UsageError


@click.command("submit", short_help="Leave a task to the workers.")
@click.argument("task")
@click.option("--input", "inputs", metavar="NAME=FILE", multiple=True, help="A file; repeat.")
@click.option("--value", "values", metavar="NAME=JSON", multiple=True, help="A value; repeat.")
@click.option("--session", metavar="NAME", help="A conversation that goes on over several runs.")
@click.option(
    "--at",
    metavar="TIME",
    callback=moment,
    help="Not before, like 2026-12-24T18:00 (here) or 2026-12-24T17:00Z.",
)
@click.option("--after", "after_s", metavar="TIME", callback=age, help="Like 45s, 90m, 12h or 30d.")
@choice_options
def command(
    task: str,
    inputs: tuple[str, ...],
    values: tuple[str, ...],
    session: str | None,
    at: datetime | None,
    after_s: float | None,
    chosen: Chosen,
) -> int:
    """Leave TASK to the workers of the store and print the run's id.

    It is stored when this returns. Workers need the agent's file and the folders under the same
    paths; inputs are in the store. A TIME without an offset is of this machine's time zone.
    """
    if is_script(task):
        raise UsageError(f"workers carry on tasks in words; run a script: agentkit run {task}")
    if at is not None and after_s is not None:
        raise UsageError("--at and --after both say when the run may begin; drop one of them")
    if after_s is not None:
        at = _from_now(after_s)
    agent, given = build(chosen, os.environ, asking=False), parse_inputs(inputs, values)
    run = asyncio.run(agent.submit(task, inputs=given, session=session, at=at))
    print(run)
    begins = f"begins at {at.astimezone().isoformat(' ', 'minutes')}" if at else "is ready"
    show = Hints(store=chosen.store).show(run)
    print(f"{begins}, with the next free worker (agentkit worker); {show}", file=sys.stderr)
    return 0


def _from_now(seconds: float) -> datetime:
    try:
        return datetime.now(UTC) + timedelta(seconds=seconds)
    except OverflowError:
        raise UsageError(f"--after: {seconds:g} s from now is no date any more") from None
