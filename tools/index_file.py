"""An index of passages in one file.

One file, so that a rename replaces all of it in one step: whoever reads has the old index or the
new one, whatever other processes do. It is a line of JSON (format, embedder, sizes, hash of the
rest), the documents and passages as JSON, and the FAISS index.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.errors import ToolError
from agentkit.tools.chunks import Chunk
from agentkit.tools.index import Entry, Index, faiss

if TYPE_CHECKING:
    from agentkit.protocols import Embedder

_FORMAT = "agentkit passages 1"


def load(path: Path, embedder: Embedder) -> Index | None:
    """The index, or None where there is none that fits: absent, damaged, of another embedder."""
    import numpy as np

    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    line, _, rest = data.partition(b"\n")
    if line != _head(embedder, rest):
        return None
    size = int.from_bytes(rest[:8], "big")
    stored: dict[str, Any] = json.loads(rest[8 : 8 + size])
    entries = {name: _entry(fields) for name, fields in stored.items()}
    vectors = faiss().deserialize_index(np.frombuffer(rest[8 + size :], dtype=np.uint8))
    return Index(entries=entries, vectors=vectors)


def save(path: Path, index: Index, embedder: Embedder) -> None:
    """Put the index at `path` in one step. Raises `ToolError` where it cannot be written."""
    manifest = json.dumps({name: asdict(entry) for name, entry in index.entries.items()}).encode()
    vectors = faiss().serialize_index(index.vectors).tobytes()
    rest = len(manifest).to_bytes(8, "big") + manifest + vectors
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(_head(embedder, rest) + b"\n" + rest)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise ToolError(
            f"the search index cannot be written to {path}: {error.strerror}; make room there"
        ) from None


def _head(embedder: Embedder, rest: bytes) -> bytes:
    return json.dumps(
        {
            "format": _FORMAT,
            "embedder": embedder.name,
            "dimensions": embedder.dimensions,
            "sha256": hashlib.sha256(rest).hexdigest(),
        }
    ).encode()


def _entry(fields: dict[str, Any]) -> Entry:
    passages = tuple(Chunk(**one) for one in fields.pop("passages"))
    return Entry(**fields, passages=passages)
