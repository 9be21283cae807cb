"""How far downloads are: bars where standard error is a terminal, a line for each tenth else."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from agentkit.cli.live import is_live
from agentkit.text import count_bytes

if TYPE_CHECKING:
    from agentkit.models.assemble import Progress


class Downloads(Protocol):
    """Shows several downloads at once."""

    def say(self, line: str) -> None: ...

    def of(self, name: str, total: int) -> Progress: ...


class Lines:
    """A line each time another tenth of a download is there."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def of(self, name: str, total: int) -> Progress:
        tenths = 0

        def tell(done: int, _: int) -> None:
            nonlocal tenths
            if 10 * done // max(1, total) > tenths:
                tenths = 10 * done // max(1, total)
                self.say(f"{name}: {count_bytes(done)} of {count_bytes(total)}")

        return tell


@contextmanager
def downloads(stream: TextIO, env: Mapping[str, str]) -> Generator[Downloads]:
    """What suits the stream."""
    if not is_live(stream, env):
        yield Lines(stream)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with RichProgress(*columns, TimeElapsedColumn(), console=Console(file=stream)) as rich:

        class Bars:
            def say(self, line: str) -> None:
                rich.console.print(line, highlight=False, markup=False)

            def of(self, name: str, total: int) -> Progress:
                bar = rich.add_task(name, total=total)
                return lambda done, _: rich.update(bar, completed=done)

        yield Bars()
