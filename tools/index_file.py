"""An index of passages in one file.

One file, so that a rename replaces all of it in one step: whoever reads has the old index or the
new one, whatever other processes do. It is a line of JSON (format, embedder, sizes, hash of the
rest), the documents and passages as JSON, the index of words, and the FAISS index.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.errors import ToolError
from agentkit.tools.chunks import Chunk
from agentkit.tools.index import Entry, Index
from agentkit.tools.vectors import faiss
from agentkit.tools.words import Words

if TYPE_CHECKING:
    from agentkit.protocols import Embedder

_FORMAT = "agentkit passages 3"
_LONGEST_HEAD = 1000


def load(path: Path, embedder: Embedder) -> Index | None:
    """The index, or None where there is none that fits: absent, damaged, of another embedder."""
    import numpy as np

    try:
        data = np.memmap(path, mode="r")
    except (FileNotFoundError, ValueError):  # the latter where it is empty
        return None
    line, _, _ = data[:_LONGEST_HEAD].tobytes().partition(b"\n")
    rest = data[len(line) + 1 :]
    sizes = _sizes(line)
    if sum(sizes) != len(rest) or line != _head(embedder, sizes, _hash([rest])):
        return None
    manifest, words, vectors = np.split(rest, [sizes[0], sizes[0] + sizes[1]])
    stored: dict[str, Any] = json.loads(manifest.tobytes())
    return Index(
        entries={name: _entry(fields) for name, fields in stored.items()},
        words=Words.read(words.tobytes()),
        vectors=faiss().deserialize_index(vectors),
    )


def save(path: Path, index: Index, embedder: Embedder) -> None:
    """Put the index at `path` in one step. Raises `ToolError` where it cannot be written."""
    manifest = json.dumps({name: _fields(entry) for name, entry in index.entries.items()}).encode()
    parts = [manifest, index.words.data(), faiss().serialize_index(index.vectors).data]
    head = _head(embedder, [len(part) for part in parts], _hash(parts))
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.writelines([head, b"\n", *parts])
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise ToolError(
            f"the search index cannot be written to {path}: {error.strerror}; make room there"
        ) from None
    _remove_abandoned(path.parent)


def _remove_abandoned(folder: Path) -> None:
    """What writers left that were killed. Only one writes at a time, and this one is done."""
    for left in folder.glob(".*.tmp"):
        with suppress(OSError):
            left.unlink()


def _head(embedder: Embedder, sizes: Sequence[int], sha256: str) -> bytes:
    return json.dumps(
        {
            "format": _FORMAT,
            "embedder": embedder.name,
            "dimensions": embedder.dimensions,
            "sizes": [*sizes],
            "sha256": sha256,
        }
    ).encode()


def _sizes(line: bytes) -> list[int]:
    """The sizes that the first line tells; three times 0 where it is no such line."""
    try:
        first, second, third = json.loads(line)["sizes"]
        return [int(first), int(second), int(third)]
    except (ValueError, KeyError, TypeError):
        return [0, 0, 0]


def _hash(parts: Sequence[Any]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()


def _fields(entry: Entry) -> list[Any]:
    passages = [(one.text, one.location, one.page, one.offset) for one in entry.passages]
    return [entry.size, entry.mtime_ns, entry.sha256, entry.problem, passages]


def _entry(fields: list[Any]) -> Entry:
    size, mtime_ns, sha256, problem, passages = fields
    return Entry(
        size=size,
        mtime_ns=mtime_ns,
        sha256=sha256,
        problem=problem,
        passages=tuple(
            Chunk(text=text, location=location, page=page, offset=offset)
            for text, location, page, offset in passages
        ),
    )
