"""Where the scheduler's events go, and what becomes of one that cannot be written."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from agentkit.engine.context import Record
from agentkit.errors import StoreError
from agentkit.events import EventType
from agentkit.types import Json


class Notes:
    """Hands events to the journal. `failed` hears of an error of the journal; `running` says
    whether a node still runs, so that its progress is worth telling."""

    def __init__(
        self,
        record: Record,
        failed: Callable[[BaseException], None],
        running: Callable[[str], bool],
    ) -> None:
        self._record, self._failed, self._running = record, failed, running

    def open(self) -> None:
        """From now on this loop is the one that writes."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()

    def must(self, kind: EventType, node: str | None, data: Mapping[str, Json]) -> None:
        """For calls, which must not go on where their event could not be written."""
        try:
            self._record(kind, node, data)
        except StoreError as error:
            self._failed(error)
            raise

    def note(self, kind: EventType, node: str | None, data: Mapping[str, Json]) -> None:
        """For what has happened anyway."""
        try:
            self._record(kind, node, data)
        except StoreError as error:
            self._failed(error)

    def progress(self, kind: EventType, node: str | None, data: Mapping[str, Json]) -> None:
        """How far a call is; from any thread."""
        if threading.get_ident() != self._thread:
            with suppress(RuntimeError):  # the loop is closed: an abandoned thread talks to nobody
                self._loop.call_soon_threadsafe(self.progress, kind, node, data)
        elif self._running(node or ""):
            self.note(kind, node, data)
