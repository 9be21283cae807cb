"""The table that every benchmark prints: goal, figure, whether it is met."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One line: the goal in words, the measured figure, and whether it is met.

    `ok` is None for a figure without a goal, or for one that could not be taken here.
    """

    goal: str
    figure: str
    ok: bool | None = None


WORDS = {True: "ok", False: "MISSED", None: "-"}


def show(title: str, rows: Sequence[Row]) -> None:
    """Print the rows in columns under their title."""
    goals = max((len(row.goal) for row in rows), default=0)
    figures = max((len(row.figure) for row in rows), default=0)
    print(title)
    for row in rows:
        print(f"  {row.goal:<{goals}}  {row.figure:>{figures}}  {WORDS[row.ok]}")
    print(flush=True)


def exit_code(rows: Sequence[Row], *, check: bool) -> int:
    """1 where `--check` was asked for and a goal is missed, else 0."""
    return int(check and any(row.ok is False for row in rows))
