"""A start: what is run, under an id that says which start it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentkit.protocols import RunSummary

_TIME = "%Y%m%d-%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a schedule. `run` is the id of its run: made of the schedule and the moment, or
    of the schedule and the file, so the same start never gets two."""

    run: str
    about: str
    files: dict[str, Path] = field(default_factory=dict[str, Path])


def key_of(*said: object) -> str:
    """What the ids of a schedule's runs end in: the same words are the same schedule."""
    text = json.dumps(said, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]


def start_at(moment: float, key: str) -> Start:
    """The start of a moment, in seconds since the epoch.

    >>> start_at(0, "3f9a1c2b").run
    '19700101-000000Z-3f9a1c2b'
    """
    return Start(
        f"{datetime.fromtimestamp(moment, UTC):{_TIME}}-{key}", about=f"due {when(moment)}"
    )


def start_with(path: Path, sha256: str, key: str) -> Start:
    """The start of a file with this content."""
    content = hashlib.sha256(f"{path.name}\0{sha256}".encode(errors="surrogatepass")).hexdigest()
    return Start(f"file-{content[:16]}-{key}", about=path.name, files={"file": path})


def last_of(runs: Sequence[RunSummary], key: str) -> float | None:
    """The moment of the newest start of this schedule that has a run."""
    found = [moment for run in runs if (moment := _moment(run.run, key)) is not None]
    return max(found, default=None)


def when(moment: float) -> str:
    """A moment for people, in local time."""
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def _moment(run: str, key: str) -> float | None:
    text, dash, ending = run.rpartition("-")
    try:
        found = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return found.timestamp() if dash and ending == key else None
