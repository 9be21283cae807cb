"""Long texts on standard output: whole for a pipe or a file, their beginning for a terminal."""

from __future__ import annotations

import sys

from agentkit.text import inert

MOST_CHARACTERS = 100_000
"""Of one text, on a terminal."""


def tell(text: str, whole: str) -> None:
    """Prints the text, inert. Where a terminal got a part, says on stderr that the command `whole`
    gives all of it."""
    shown = text[:MOST_CHARACTERS] if sys.stdout.isatty() else text
    print(inert(shown), flush=True)
    tell_rest(len(shown), text, whole)


def tell_rest(shown: int, text: str, whole: str) -> None:
    """Says on stderr how much of the text stands there, unless that is all of it."""
    if shown < len(text):
        part = f"the first {shown:,} of {len(text):,} characters"
        print(f"{part}; all of it: {inert(whole)}", file=sys.stderr, flush=True)
