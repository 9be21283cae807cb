"""One turn: its steps in rows or lines on stderr, its answer on stdout while it is written."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import ExitStack, aclosing

from agentkit.cli.follow import Followed, Start, source
from agentkit.cli.hints import Hints
from agentkit.cli.interrupt import interruptible
from agentkit.cli.live import display
from agentkit.cli.told import MOST_CHARACTERS, tell, tell_rest
from agentkit.text import inert


def follow_turn(start: Start, seen: Followed, runner: asyncio.Runner, hints: Hints) -> None:
    """Runs it to its end; what came in is in `seen` then, however it ended.

    Raises what ended the run: an `AgentkitError`, or `asyncio.CancelledError` after Ctrl-C.
    """
    written = _Written()
    try:
        with ExitStack() as rows:
            interruptible(_consume(start, seen, written, rows), runner=runner)
    finally:
        written.end()
    written.conclude(seen.progress.answer, hints.whole(seen.run))
    if seen.progress.cites:
        named = (source(seen.progress, name) for name in seen.progress.cites)
        print(f"sources: {inert(', '.join(named))}", file=sys.stderr)


async def _consume(start: Start, seen: Followed, written: _Written, rows: ExitStack) -> None:
    shown = rows.enter_context(display(sys.stderr, os.environ))
    async with aclosing(start()) as events:
        async for event in events:
            if event.seq:
                seen.events.append(event)
            if event.type == "answer.text" and written.streams:
                rows.close()  # the rows stand as they are; the answer comes below them
                written.add(str(event.data.get("text") or ""))
            shown.show(event)
            seen.progress = shown.progress


class _Written:
    """What has been written of the answer so far: nothing before its end but on a terminal, so
    that a pipe gets answers and no beginnings of them."""

    def __init__(self) -> None:
        self.streams = sys.stdout.isatty()
        self._pieces: list[str] = []
        self._shown = 0
        self._open = False

    def add(self, text: str) -> None:
        """A piece, as it comes."""
        self._pieces.append(text)
        self._open = True
        shown = text[: MOST_CHARACTERS - self._shown]
        self._shown += len(shown)
        print(inert(shown), end="", flush=True)

    def end(self) -> None:
        """Ends the line, even where the answer was cut short."""
        if self._open:
            print(flush=True)
            self._open = False

    def conclude(self, answer: str, whole: str) -> None:
        """The whole answer, unless just that has been written, or as much as a terminal gets."""
        if answer == "".join(self._pieces):
            tell_rest(self._shown, answer, whole)
        else:
            tell(answer, whole)
