"""The vocabulary shared by every layer: JSON values, schemas, and the closed sets of words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
"""Everything that travels along an edge of a plan; bytes travel as artifact handles."""

Schema: TypeAlias = Mapping[str, Json]
"""A JSON Schema (Draft 2020-12) as plain data. `{}` accepts anything."""

Effect = Literal["pure", "read", "write", "once"]
"""What repeating a call means: `pure` cacheable, `read` repeatable, `write` repeatable with the
same idempotency key, `once` never repeated."""

Status = Literal["value", "failed", "skipped", "cancelled", "denied", "in_doubt"]
"""How a node ended."""

Runs = Literal["loop", "thread", "process"]
"""Where a tool's function runs: on the event loop (async), in a thread, in a process pool."""

Sync = Literal["power", "process"]
"""What a store's acknowledgement survives: a power cut (an fsync each time), or only the death of
the process."""
