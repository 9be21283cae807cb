"""`agentkit run`: a task in words, or a script that works by itself."""

from __future__ import annotations

import os
from pathlib import Path

import click

from agentkit.cli.chosen import Chosen, build, choice_options, parse_inputs
from agentkit.cli.exits import Output


@click.command("run", short_help="A task in words, or a script.")
@click.argument("task")
@click.argument("arguments", nargs=-1)
@click.option("--input", "inputs", metavar="NAME=FILE", multiple=True, help="A file; repeat.")
@click.option("--value", "values", metavar="NAME=JSON", multiple=True, help="A value; repeat.")
@click.option("--session", metavar="NAME", help="A conversation that goes on over several runs.")
@click.option("--json", "output", flag_value="json", help="One JSON document instead of text.")
@click.option("--events", "output", flag_value="events", help="Events as they come, a line each.")
@choice_options
@click.pass_obj
def command(
    debug: bool,
    /,
    task: str,
    arguments: tuple[str, ...],
    inputs: tuple[str, ...],
    values: tuple[str, ...],
    session: str | None,
    output: Output | None,
    chosen: Chosen,
) -> int:
    """Carry out TASK, a sentence or a script.py, and print the answer.

    A script with a function `main(agent)` gets the agent that the options make; what it returns
    is printed. Any other script runs as Python runs it, with ARGUMENTS.
    """
    if task.endswith(".py"):
        from agentkit.cli.script import run_script

        return run_script(Path(task), arguments, chosen, os.environ)
    if arguments:
        raise click.UsageError("quote the task so that it is one argument: agentkit run '…'")
    from agentkit.cli.follow import follow

    agent, given = build(chosen, os.environ), parse_inputs(inputs, values)
    return follow(
        lambda: agent.stream(task, inputs=given, session=session),
        output=output or "answer",
        debug=debug,
    )
