"""`agentkit resolve`: whether a call in doubt took effect."""

from __future__ import annotations

import click

from agentkit.cli.decided import decide, person
from agentkit.cli.settings import store_option
from agentkit.errors import UsageError


@click.command("resolve", short_help="Say whether a call in doubt took effect.")
@click.argument("run")
@click.argument("node")
@click.option("--done/--not-done", "done", default=None, help="It took effect, or it did not.")
@click.option("--value", metavar="JSON", help="What it came to, where it is done.")
@store_option
def command(run: str, node: str, done: bool | None, value: str | None, store: str) -> int:
    """Say whether the call of NODE in RUN took effect; a call that did not is made again."""
    from agentkit.decide import resolve
    from agentkit.given import json_or_text

    if done is None:
        raise UsageError("say --done or --not-done")
    if value is not None and not done:
        raise UsageError("--value goes with --done: what was not done came to nothing")
    came_to = None if value is None else json_or_text(value)
    return decide(
        store,
        run,
        lambda journal, found: resolve(journal, found, node, done=done, value=came_to, by=person()),
    )
