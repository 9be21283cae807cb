"""`agentkit show`: what one run did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import reduce

import click

from agentkit.budget import spent_text
from agentkit.cli.compared import patched
from agentkit.cli.document import document, spent_by
from agentkit.cli.lines import footer, rows
from agentkit.cli.progress import Progress, fold
from agentkit.cli.settings import store_option
from agentkit.cli.text import inert
from agentkit.errors import UsageError
from agentkit.types import Json


@click.command("show", short_help="Show what one run did.")
@click.argument("run")
@click.option("--step", metavar="NODE", help="One node, with its arguments and its whole result.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@store_option
def command(run: str, step: str | None, as_json: bool, store: str) -> int:
    """Show RUN (an id, the beginning of one, or `last`): its plan, its steps, its answer."""
    from agentkit.cli.stored import events_of

    events = events_of(store, run)
    whole = document(events)
    if step is not None:
        steps = [one for one in _steps(whole) if one.get("node") == step]
        if not steps:
            names = ", ".join(str(one.get("node")) for one in _steps(whole))
            raise UsageError(f"run {events[0].run} has no step {step!r}; its steps: {names}")
        print(json.dumps(steps[0], indent=2))
    elif as_json:
        print(json.dumps(whole, indent=2))
    else:
        spent = spent_text(spent_by(events))
        _print(reduce(fold, events, Progress()), patched(events), spent)
    return 0


def _steps(whole: Mapping[str, Json]) -> list[dict[str, Json]]:
    steps = whole["steps"]
    return [one for one in steps if isinstance(one, dict)] if isinstance(steps, list) else []


def _print(progress: Progress, plan: str, spent: str) -> None:
    print(f"run {inert(progress.run)}: {progress.status}")
    print(f"task: {inert(progress.task)}")
    print(f"\n{inert(plan)}\n" if plan else "\nno plan\n")
    now = (progress.began or 0.0) + progress.elapsed_s
    for glyph, node, what, about, seconds in rows(progress, now):
        print("  ".join(part for part in (glyph, node, what, about, seconds) if part))
    print(f"\n{footer(progress)}")
    print(f"spent: {spent}")
    if progress.error:
        print(f"error: {progress.error}")
    if progress.answer:
        print(f"\n{inert(progress.answer)}")
    if progress.cites:
        print(f"sources: {inert(', '.join(progress.cites))}")
