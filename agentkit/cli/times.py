"""Ages, delays and moments, as they are typed."""

from __future__ import annotations

import re
from datetime import datetime

import click

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def age(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """The seconds of `30d`, `12h`, `90m` or `45s`; None where nothing is given."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if found is None:
        raise click.BadParameter(f"expected a time like 30d, 12h, 90m or 45s; found {text!r}")
    return float(found[1]) * _UNITS_S[found[2]]


def moment(context: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    """The moment of an ISO 8601 text; without an offset it is of this machine's time zone."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            "expected a time like 2026-12-24T18:00, 2026-12-24T18:00+01:00 or 2026-12-24T17:00Z; "
            f"found {text!r}"
        ) from None
