"""How progress reaches the terminal: live rows where it is one, plain lines where it is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from agentkit.cli.lines import footer, headline, plain, rows
from agentkit.cli.progress import Progress, fold, stopped
from agentkit.text import inert

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agentkit.events import Event

REFRESHES_PER_SECOND = 8
_WIDEST_NAME = 20
_SECONDS_WIDTH = 7
_MOST_WRITTEN = 2000
"""So much of an answer stands there while it is written: its end."""


class Display(Protocol):
    """Takes the events of a run as they come."""

    progress: Progress

    def show(self, event: Event) -> None: ...


class Plain:
    """One line an event; what a log file, a pipe or a CI job gets."""

    def __init__(self, stream: TextIO) -> None:
        self.progress = Progress()
        self._stream = stream

    def show(self, event: Event) -> None:
        self.progress = fold(self.progress, event)
        for line in plain(self.progress, event):
            print(line, file=self._stream, flush=True)


class Live:
    """Rows that stay in place while their content changes."""

    def __init__(self) -> None:
        self.progress = Progress()

    def show(self, event: Event) -> None:
        self.progress = fold(self.progress, event)

    def draw(self) -> RenderableType:
        """The rows as they are now."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(width=1)
        table.add_column(no_wrap=True, min_width=min(_WIDEST_NAME, self._widest()))
        for share in (3, 2):
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=share)
        table.add_column(no_wrap=True, min_width=_SECONDS_WIDTH, justify="right")
        now = time.time()
        for row in rows(self.progress, now):
            table.add_row(*(Text(cell, style=_style(row[0])) for cell in row))
        parts: list[RenderableType] = [Text(headline(self.progress), style="bold"), table]
        if self.progress.answer and self.progress.status == "running":
            parts.append(Text(inert(self.progress.answer[-_MOST_WRITTEN:])))
        return Group(*parts, Text(footer(self.progress, now), style="dim"))

    def _widest(self) -> int:
        return max((len(node) for node in self.progress.rows), default=0)


def _style(glyph: str) -> str:
    return {"✓": "green", "✗": "red", "▶": "cyan", "∙": "dim", "↷": "dim"}.get(glyph, "yellow")


@contextmanager
def display(stream: TextIO, env: Mapping[str, str]) -> Generator[Display]:
    """The display that suits the stream; it leaves its last state standing when it ends."""
    if not is_live(stream, env):
        yield Plain(stream)
        return
    from rich.console import Console
    from rich.live import Live as RichLive

    live = Live()
    with RichLive(
        get_renderable=live.draw,
        console=Console(file=stream),
        refresh_per_second=REFRESHES_PER_SECOND,
    ):
        try:
            yield live
        except asyncio.CancelledError:
            live.progress = stopped(live.progress, time.time())
            raise


def is_live(stream: TextIO, env: Mapping[str, str]) -> bool:
    """Whether what was written there can be written over: a terminal, and nobody says no."""
    plain = env.get("CI") or env.get("NO_COLOR") or env.get("TERM") == "dumb"
    return stream.isatty() and not plain
