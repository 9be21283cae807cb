"""Event data as text: compact JSON, with long values moved to the artifact store.

A row stays short, so that listing, counting and committing events do not depend on how much a
tool returned. A long value of field `f` is stored as an artifact and the row says
`"$spilled": {"f": sha256}`; fields are the closed set of `agentkit.events`, so the name is free.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any, cast

from pydantic_core import PydanticSerializationError, to_json

from agentkit.errors import StoreError
from agentkit.protocols import ArtifactStore
from agentkit.types import Json

INLINE_BYTES = 1024
"""A value whose JSON is longer goes to the artifact store."""

SPILLED = "$spilled"

_escaped = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def dumps(value: object) -> str:
    """Compact JSON. Raises `ValueError` or `TypeError` where the value has no JSON form."""
    try:
        return to_json(value, inf_nan_mode="constants").decode()
    except PydanticSerializationError:
        # Half a surrogate pair, as broken decoders leave behind, or very deep; or no JSON at all.
        return _escaped(value)


def fields(data: Mapping[str, Json]) -> dict[str, str]:
    """The JSON of each field."""
    return {name: dumps(value) for name, value in data.items()}


def spill(rows: Sequence[Mapping[str, str]], artifacts: ArtifactStore) -> list[str]:
    """The text of each row, from the JSON of its fields; long ones are in the artifact store when
    this returns. Raises `StoreError`."""
    if len(rows) < 2:
        return [_join(row, artifacts) for row in rows]
    # Filesystems flush together the files that wait together: eight threads wrote ten times as
    # many durable files a second as one.
    with ThreadPoolExecutor(min(len(rows), 8)) as pool:
        return list(pool.map(_join, rows, repeat(artifacts)))


def decode(text: str, artifacts: ArtifactStore) -> dict[str, Json]:
    """The data of a row, whole. Raises `StoreError` where a spilled value is gone or damaged."""
    try:
        data = cast("dict[str, Any]", json.loads(text))
        for name, sha256 in data.pop(SPILLED, {}).items():
            data[name] = json.loads(artifacts.read(sha256))
    except (ValueError, AttributeError, TypeError) as error:
        raise StoreError(
            f"an event is damaged (not a JSON object: {text[:40]!r}): restore the store "
            "from a backup, or run the task again"
        ) from error
    return data


def _join(row: Mapping[str, str], artifacts: ArtifactStore) -> str:
    inline: list[str] = []
    spilled: dict[str, Json] = {}
    for name, text in row.items():
        if len(text) <= INLINE_BYTES:
            inline.append(f"{dumps(name)}:{text}")
        else:
            spilled[name] = artifacts.put(text.encode(), media_type="application/json").sha256
    if spilled:
        inline.append(f'"{SPILLED}":{dumps(spilled)}')
    return "{" + ",".join(inline) + "}"
