"""`agentkit fork`: a run begun from another one, with one node changed."""

from __future__ import annotations

import os

import click

from agentkit.cli.chosen import Chosen, build, of_run, parse_sets
from agentkit.cli.exits import Output
from agentkit.cli.hints import Hints
from agentkit.cli.settings import store_option
from agentkit.cli.stored import events_of


@click.command("fork", short_help="Run again from one node, changed.")
@click.argument("run")
@click.argument("node")
@click.option("--set", "sets", metavar="NAME=JSON", multiple=True, help="An argument; repeat.")
@click.option("--tool", metavar="NAME", help="Another tool.")
@click.option("--model", metavar="NAME", default="", help="Another model, as in openai:gpt-5.")
@click.option("--agent", metavar="FILE.py:NAME", default="", help="An agent of yours.")
@click.option("--json", "output", flag_value="json", help="One JSON document instead of text.")
@click.option("--events", "output", flag_value="events", help="Events as they come, a line each.")
@store_option
@click.pass_obj
def command(
    debug: bool,
    /,
    run: str,
    node: str,
    sets: tuple[str, ...],
    tool: str | None,
    model: str,
    agent: str,
    output: Output | None,
    store: str,
) -> int:
    """Make a new run of RUN in which NODE is changed: it and what needs it run again.

    Everything else is taken from RUN, which stays as it is. Without a change NODE is tried again as
    it was.
    """
    from agentkit.cli.follow import follow
    from agentkit.cli.tracing import with_traces

    events = events_of(store, run)
    asked = Chosen(agent=agent, model=model, store=store)
    args = parse_sets(sets)
    forking = with_traces(build(of_run(events[0], asked), os.environ), os.environ)
    return follow(
        lambda: forking.stream_forked(events[0].run, node, args=args, tool=tool),
        output=output or "answer",
        debug=debug,
        hints=Hints(store=store),
    )
