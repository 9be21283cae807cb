"""The options that start a task again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentkit.cli.chosen import folder_of
from agentkit.cli.starts.times import Every, Times, cron, local_zone
from agentkit.cli.times import age
from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit.cli.starts.overlap import Overlap

SHORTEST_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for; nothing where the task is run once."""

    every: float | None = None
    cron: str | None = None
    watch: str | None = None
    overlap: Overlap | None = None

    @property
    def again(self) -> bool:
        """Whether there is more than one start. Raises `UsageError` where that is unclear."""
        given = [one for one in (self.every, self.cron, self.watch) if one is not None]
        if len(given) > 1:
            raise UsageError("--every, --cron and --watch each say when to start; give one of them")
        if self.overlap is not None and not given:
            raise UsageError("--overlap goes with --every, --cron or --watch")
        if self.every is not None and self.every < SHORTEST_S:
            raise UsageError(f"expected --every of at least 1s; got {self.every:g}s")
        return bool(given)

    @property
    def said(self) -> tuple[object, ...]:
        """When to start, in words that mean the same in every folder. Raises `UsageError`."""
        folder = None if self.watch is None else str(self.folder().resolve())
        return self.every, self.cron, folder

    @property
    def overlapping(self) -> Overlap:
        """A time that overlaps is skipped; a file is not: it waits its turn."""
        return self.overlap or ("skip" if self.watch is None else "queue")

    def times(self, last: float | None, env: Mapping[str, str]) -> Times:
        """The times of `--every` or `--cron`. Raises `UsageError`."""
        if self.every is not None:
            return Every(self.every, float(int(time.time()) if last is None else last))
        return cron(self.cron or "", local_zone(env), now=time.time())

    def check(self, env: Mapping[str, str]) -> None:
        """Raises `UsageError` where nothing could ever be started: before anything is opened."""
        from agentkit.cli.starts.by_file import require_watchfiles

        if self.watch is None:
            self.times(None, env)
        else:
            require_watchfiles()
            self.folder()

    def folder(self) -> Path:
        """The folder that is watched. Raises `UsageError`."""
        return folder_of("--watch", self.watch or "")


_OPTIONS = (
    click.option("--every", metavar="TIME", callback=age, help="Again and again: 45s, 90m, 12h."),
    click.option(
        "--cron", metavar="FIELDS", help="Again and again, in local time, like '0 2 * * *'."
    ),
    click.option(
        "--watch", metavar="FOLDER", help="For each new or changed file there, the input `file`."
    ),
    click.option(
        "--overlap",
        type=click.Choice(["skip", "queue", "together"]),
        help="A start while an earlier run goes on; else skip, with --watch queue.",
    ),
)


def start_options(command: Callable[..., int]) -> Callable[..., int]:
    """Adds the options that make an `Asked` to a command, which gets it as `asked`."""

    @wraps(command)
    def packed(*args: Any, **given: Any) -> int:
        asked = {field.name: given.pop(field.name) for field in fields(Asked)}
        return command(*args, asked=Asked(**asked), **given)

    for option in reversed(_OPTIONS):
        packed = option(packed)
    return packed
