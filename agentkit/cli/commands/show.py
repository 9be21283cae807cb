"""`agentkit show`: what one run did."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import reduce

import click

from agentkit.budget import spent_text
from agentkit.cli.ask import shown
from agentkit.cli.compared import patched
from agentkit.cli.hints import Hints
from agentkit.cli.lines import footer, rows
from agentkit.cli.progress import Progress, fold
from agentkit.cli.settings import store_option
from agentkit.cli.told import tell
from agentkit.document import document, spent_by
from agentkit.errors import UsageError
from agentkit.events import Event
from agentkit.fold import fold as state_of
from agentkit.text import inert
from agentkit.types import Json


@click.command("show", short_help="Show what one run did.")
@click.argument("run")
@click.option("--step", metavar="NODE", help="One node, with its arguments and its whole result.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--html", metavar="FILE", help="One page that opens offline; `-`: on stdout.")
@store_option
def command(run: str, step: str | None, as_json: bool, html: str | None, store: str) -> int:
    """Show RUN (an id, the beginning of one, or `last`): its plan, its steps, its answer."""
    from agentkit.cli.stored import events_of

    if html is not None:
        from agentkit.cli.reported import write_report

        write_report(store, run, html)
        return 0
    events = events_of(store, run)
    if step is not None:
        print_step(events, step)
    elif as_json:
        print(json.dumps(document(events), indent=2))
    else:
        print_run(events, Hints(store=store))
    return 0


def print_step(events: Sequence[Event], step: str) -> None:
    """One node as JSON, begun or waiting. Raises `UsageError` where the run has none of this
    name."""
    whole = document(events)
    steps = [*_listed(whole["steps"]), *_listed(whole["waiting"])]
    found = [one for one in steps if one.get("node") == step]
    if not found:
        names = ", ".join(str(one.get("node")) for one in steps)
        raise UsageError(f"run {events[0].run} has no step {step!r}; its steps: {names}")
    print(json.dumps(found[0], indent=2))


def print_run(events: Sequence[Event], hints: Hints) -> None:
    """The run for people: plan, steps, what was spent, answer."""
    spent = spent_text(spent_by(events))
    whole = hints.whole(events[0].run)
    progress = reduce(fold, events, Progress())
    _print(progress, patched(events), spent, whole)
    if progress.status == "paused":
        _print_waiting(events, progress)


def _listed(given: Json) -> list[dict[str, Json]]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _print(progress: Progress, plan: str, spent: str, whole: str) -> None:
    print(f"run {inert(progress.run)}: {progress.status}")
    tell(f"task: {progress.task}", whole)
    tell(f"\n{plan}\n" if plan else "\nno plan\n", whole)
    now = (progress.began or 0.0) + progress.elapsed_s
    for glyph, node, what, about, seconds in rows(progress, now):
        print("  ".join(part for part in (glyph, node, what, about, seconds) if part))
    print(f"\n{footer(progress)}")
    print(f"spent: {spent}")
    if progress.error:
        print(f"error: {progress.error}")
    if progress.answer:
        tell(f"\n{progress.answer}", whole)
    if progress.cites:
        print(f"sources: {inert(', '.join(progress.cites))}")


def _print_waiting(events: Sequence[Event], progress: Progress) -> None:
    """The calls that wait and have no row: those of maps, and of agents that are tools."""
    for node, question in state_of(events).asked.items():
        if node not in progress.rows:
            print(f"waits: {shown(question)}")
