"""`agentkit resume`: a run that was stopped goes on."""

from __future__ import annotations

import os

import click

from agentkit.cli.chosen import Chosen, build, choice_options, of_run
from agentkit.cli.exits import Output
from agentkit.cli.hints import Hints
from agentkit.cli.stored import events_of


@click.command("resume", short_help="Go on with a run that was stopped.")
@click.argument("run")
@click.option("--json", "output", flag_value="json", help="One JSON document instead of text.")
@click.option("--events", "output", flag_value="events", help="Events as they come, a line each.")
@choice_options
@click.pass_obj
def command(debug: bool, /, run: str, output: Output | None, chosen: Chosen) -> int:
    """Go on with RUN (an id, the beginning of one, or `last`); what ended is not done again.

    The run's own agent goes on; options change it.
    """
    from agentkit.cli.follow import follow
    from agentkit.cli.session import conversing
    from agentkit.cli.tracing import with_traces

    events = events_of(chosen.store, run)
    agent = with_traces(build(of_run(events[0], chosen), os.environ), os.environ)
    found = events[0].run
    session = events[0].data.get("session")
    return follow(
        lambda: conversing(
            agent,
            session if isinstance(session, str) else None,
            lambda agent: agent.stream_resumed(found),
        ),
        output=output or "answer",
        debug=debug,
        hints=Hints(store=chosen.store),
    )
