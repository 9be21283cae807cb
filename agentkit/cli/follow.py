"""Follows a run from its events: progress on stderr, the answer alone on stdout."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeAlias

from agentkit.cli.exits import ANSWERED, CANCELLED, Output, code_of, explain
from agentkit.cli.hints import Hints
from agentkit.cli.interrupt import interruptible
from agentkit.cli.live import Display, display
from agentkit.cli.progress import Progress
from agentkit.cli.told import tell
from agentkit.document import document
from agentkit.errors import AgentkitError
from agentkit.events import Event, event_to_json
from agentkit.text import inert

Start: TypeAlias = Callable[[], AsyncGenerator[Event, None]]


@dataclass(slots=True)
class Followed:
    """What came in so far; it outlives a run that is cut short."""

    events: list[Event] = field(default_factory=list[Event])
    progress: Progress = field(default_factory=Progress)

    @property
    def run(self) -> str:
        """The run's id, empty before its first event."""
        return self.events[0].run if self.events else ""


def print_answer(seen: Followed, hints: Hints) -> None:
    """The answer on stdout; its sources, and how to look into the run, on stderr."""
    progress = seen.progress
    tell(progress.answer, hints.whole(progress.run))
    if progress.cites:
        named = (source(progress, name) for name in progress.cites)
        print(f"sources: {inert(', '.join(named))}", file=sys.stderr)
    print(f"run {progress.run}: {hints.show(progress.run)}", file=sys.stderr)


def source(progress: Progress, name: str) -> str:
    """A node that the answer cites, with what it did."""
    row = progress.rows.get(name)
    return f"{name} ({row.what})" if row is not None and row.what else name


def follow(
    start: Start,
    *,
    output: Output,
    debug: bool,
    hints: Hints,
    conclude: Callable[[Followed, Hints], None] = print_answer,
) -> int:
    """Runs it to its end and returns the exit code. Ctrl-C leaves a run that can be resumed.

    `conclude` prints what a run that went well came to, unless JSON or events were asked for.
    """
    seen = Followed()
    try:
        with display(sys.stderr, os.environ) as shown:
            interruptible(_consume(start, shown, seen, output))
    except asyncio.CancelledError:
        print(f"stopped; {hints.stopped(seen.run)}", file=sys.stderr)
        return CANCELLED
    except AgentkitError as error:
        if output == "json" and seen.events:
            print(json.dumps(document(seen.events), indent=2))
        explain(error, debug=debug, hint=hints.failed(error))
        return code_of(error)
    if output == "json":
        print(json.dumps(document(seen.events), indent=2))
    elif output == "answer":
        conclude(seen, hints)
    return ANSWERED


async def _consume(start: Start, shown: Display, seen: Followed, output: Output) -> None:
    async with aclosing(start()) as events:
        async for event in events:
            if event.seq:
                seen.events.append(event)
            if output == "events":
                print(json.dumps(event_to_json(event)), flush=True)
            shown.show(event)
            seen.progress = shown.progress
