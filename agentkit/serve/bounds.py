"""What a server takes on at once."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How large a request may be, and how much may go on at once.

    A body may take `body_s` seconds to come in.
    """

    body_bytes: int = 64 * MB
    header_bytes: int = 32 * 1024
    body_s: float = 60.0
    runs: int = 64
    streams: int = 512
