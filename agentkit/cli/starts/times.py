"""When a task is started: moments as seconds since the epoch, each after the one before."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agentkit.errors import MissingExtra, UsageError

ZONE_VARIABLE = "TZ"
_LOCAL = Path("/etc/localtime")


class Times(Protocol):
    """Moments without an end."""

    def after(self, moment: float) -> float:
        """The first one that is later."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many seconds from `first` on. They are seconds that pass: no clock change counts.

    >>> Every(60, first=10).after(70), Every(60, first=10).after(129)
    (130, 130)
    """

    seconds: float
    first: float

    def after(self, moment: float) -> float:
        passed = (moment - self.first) // self.seconds
        return self.first + (passed + 1) * self.seconds


@dataclass(frozen=True, slots=True)
class Cron:
    """As Debian's cron reads five fields, in the local time of `zone`.

    Where clocks go forward, what falls into the hour that is left out is started once, right after
    it; where they go back, what has a fixed time is started in the first of the two hours only.
    What has `*` or `*/n` as minutes or hours goes by the time that passes.
    """

    fields: str
    zone: tzinfo

    def after(self, moment: float) -> float:
        from cronsim import CronSim

        return next(CronSim(self.fields, datetime.fromtimestamp(moment, self.zone))).timestamp()


def cron(fields: str, zone: tzinfo, *, now: float) -> Cron:
    """Raises `UsageError` for fields that cron would not take, or that no day fits."""
    try:
        from cronsim import CronSimError
    except ImportError as error:
        raise MissingExtra("--cron", "cronsim", "schedule") from error
    try:
        if len(fields.split()) != 5:
            raise CronSimError("not five fields")
        found = Cron(fields, zone)
        found.after(now)
    except (CronSimError, StopIteration) as error:
        why = str(error) or "no day fits"
        raise UsageError(
            f"expected --cron 'MINUTE HOUR DAY MONTH WEEKDAY', as in '0 2 * * *'; got {fields!r} "
            f"({why[:1].lower()}{why[1:]})"
        ) from None
    return found


def local_zone(env: Mapping[str, str], *, file: Path = _LOCAL) -> tzinfo:
    """The time zone of this machine: `TZ`, else that of the file. Raises `UsageError`."""
    name = env.get(ZONE_VARIABLE, "").lstrip(":")
    try:
        if name:
            return ZoneInfo(name)
        with file.open("rb") as opened:
            return ZoneInfo.from_file(opened)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if not name and sys.platform != "win32":
            return ZoneInfo("UTC")  # as the C library has it
        raise UsageError(
            f"expected a time zone's name in {ZONE_VARIABLE}, as in Europe/Prague; got {name!r}"
        ) from None
