"""`agentkit run`: a task in words, or a script that works by itself."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentkit.cli.chosen import Chosen, build, choice_options, parse_inputs
from agentkit.cli.exits import Output
from agentkit.cli.hints import Hints
from agentkit.cli.starts.asked import Asked, start_options
from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.events import Event


@click.command("run", short_help="A task in words, or a script.")
@click.argument("task")
@click.argument("arguments", nargs=-1)
@click.option("--input", "inputs", metavar="NAME=FILE", multiple=True, help="A file; repeat.")
@click.option("--value", "values", metavar="NAME=JSON", multiple=True, help="A value; repeat.")
@click.option("--session", metavar="NAME", help="A conversation that goes on over several runs.")
@click.option("--json", "output", flag_value="json", help="One JSON document instead of text.")
@click.option("--events", "output", flag_value="events", help="Events as they come, a line each.")
@start_options
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
    asked: Asked,
) -> int:
    """Carry out TASK, a sentence or a script.py, and print the answer.

    A script's function `main()` is called, `main(agent)` with the agent that the options make;
    what it returns is printed. Any other script runs as Python runs it. ARGUMENTS are the script's.

    With --every, --cron or --watch it is started again and again until Ctrl-C; each start is a run.
    """
    if is_script(task):
        if inputs or values or session or output:
            raise UsageError(
                "--input, --value, --session, --json and --events are for a task in words; "
                f"a script takes arguments: agentkit run {task} ARGUMENTS"
            )
        if asked.again:
            from agentkit.cli.starts.work import start_script

            return start_script(Path(task), arguments, asked, chosen, debug=debug)
        from agentkit.cli.script import run_script

        return run_script(Path(task), arguments, chosen, os.environ, debug=debug)
    if arguments:
        raise UsageError("quote the task so that it is one argument: agentkit run '…'")
    given, shown = parse_inputs(inputs, values), output or "answer"
    if asked.again:
        from agentkit.cli.starts.work import start_task

        return start_task(task, given, session, asked, chosen, output=shown, debug=debug)
    return _once(task, given, session, chosen, output=shown, debug=debug)


def _once(
    task: str,
    given: Mapping[str, object],
    session: str | None,
    chosen: Chosen,
    *,
    output: Output,
    debug: bool,
) -> int:
    from agentkit.cli.follow import follow
    from agentkit.cli.session import conversing
    from agentkit.cli.tracing import with_traces

    agent = with_traces(build(chosen, os.environ), os.environ)

    def start(agent: Agent[Any]) -> AsyncGenerator[Event, None]:
        return agent.stream(task, inputs=given, session=session)

    return follow(
        lambda: conversing(agent, session, start),
        output=output,
        debug=debug,
        hints=Hints(store=chosen.store),
    )


def is_script(task: str) -> bool:
    """Whether it names a script; a sentence may end in a file's name as well."""
    return task.endswith(".py") and (" " not in task or Path(task).is_file())
