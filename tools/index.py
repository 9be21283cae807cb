"""Passages and their vectors, kept in step with a folder of documents.

Only files that changed are read and embedded again; the vectors of the others are taken over.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from agentkit.errors import ToolError
from agentkit.tools.chunks import Chunk, split
from agentkit.tools.documents import SUFFIXES, read_document
from agentkit.tools.vectors import every, indexed
from agentkit.tools.words import Words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agentkit.protocols import Embedder

_MOST_FILES = 10_000
_BATCH = 64
_MORE = 50
"""Passages that are looked at beside the wanted ones: words may bring them forward."""

BY_WORDS = 0.3
"""What the same words count for beside the same meaning. Of the questions in benchmarks/search.py
the first passage answers 86 % by meaning alone, 89 % by words alone, and 93 % so."""

Fusion: TypeAlias = Literal["scores", "ranks"]
"""How words join meaning: their score is added, or the reciprocals of the ranks are."""
_FIRST = 60
"""Added to a rank before its reciprocal is taken, as Cormack, Clarke and Büttcher (2009) do."""

Progress = Callable[[int, int], None]
"""Told how many passages are embedded, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A document as it was when it was read; `problem` says why it has no passages."""

    size: int
    mtime_ns: int
    sha256: str
    passages: tuple[Chunk, ...] = ()
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Index:
    """The documents of a folder by relative path, sorted; the vectors and words of their passages.

    Row n of `vectors`, a FAISS inner-product index, and of `words` belongs to passage n.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict[str, Entry])
    vectors: Any = None
    words: Words = field(default_factory=Words)

    @cached_property
    def passages(self) -> list[tuple[str, Chunk]]:
        """Each passage with its document, in the order of the rows."""
        return [(name, one) for name, entry in self.entries.items() for one in entry.passages]

    @property
    def problems(self) -> dict[str, str]:
        """Why documents could not be read, by relative path."""
        return {name: entry.problem for name, entry in self.entries.items() if entry.problem}

    def best(
        self,
        meaning: Mapping[int, float],
        shares: Mapping[int, float],
        k: int,
        fusion: Fusion = "scores",
    ) -> list[tuple[float, str, Chunk]]:
        """The k best passages, best first, by what `by_meaning` and `Words.shares` gave.

        By `scores` a passage has the former and `BY_WORDS` times the latter. By `ranks` it has the
        reciprocals of its two ranks; 1.0 is first in both.
        """
        if fusion == "ranks":
            total = _reciprocal_ranks(meaning, shares)
        else:
            total = {row: score + BY_WORDS * shares.get(row, 0.0) for row, score in meaning.items()}
        ranked = sorted(total, key=lambda row: (-total[row], row))[:k]
        return [(total[row], *self.passages[row]) for row in ranked]

    def by_meaning(
        self, vectors: Sequence[Sequence[float]], k: int, wanted: Iterable[int] = ()
    ) -> dict[int, float]:
        """The largest inner product with any of the vectors, by row: of more than the k nearest,
        and of those that are wanted."""
        import numpy as np

        if not self.passages:
            return {}
        queries = np.asarray(vectors, dtype=np.float32)
        scores, rows = self.vectors.search(queries, min(k + _MORE, len(self.passages)))
        best: dict[int, float] = {}
        for score, row in zip(scores.ravel().tolist(), rows.ravel().tolist(), strict=True):
            if row >= 0:  # a graph may find fewer than are asked for
                best[row] = max(score, best.get(row, score))
        missing = [row for row in wanted if row not in best]
        if missing:
            products = self.vectors.reconstruct_batch(missing) @ queries.T
            best |= zip(missing, products.max(axis=1).tolist(), strict=True)
        return best


def _reciprocal_ranks(*rankings: Mapping[int, float]) -> dict[int, float]:
    total: dict[int, float] = {}
    for scores in rankings:
        ranked = sorted(scores, key=lambda row: (-scores[row], row))
        for rank, row in enumerate(ranked, start=1):
            part = (_FIRST + 1) / (_FIRST + rank) / len(rankings)
            total[row] = total.get(row, 0.0) + part
    return total


def scan(folder: Path) -> dict[str, os.stat_result]:
    """The documents below a folder, sorted by relative path; links and dot names are left out.

    Raises `ToolError` if the folder is gone or holds more than 10,000 documents.
    """
    if not folder.is_dir():
        raise ToolError(f"there is no folder {str(folder)!r}; create it and put documents in it")
    found: dict[str, os.stat_result] = {}
    places = [""]
    while places:
        place = places.pop()
        for one in _listed(folder / place):
            path = f"{place}/{one.name}" if place else one.name
            if one.name.startswith("."):
                continue
            if one.is_dir(follow_symlinks=False):
                places.append(path)
            elif one.name.lower().endswith(SUFFIXES) and one.is_file(follow_symlinks=False):
                found[path] = one.stat(follow_symlinks=False)
        if len(found) > _MOST_FILES:
            raise ToolError(
                f"{str(folder)!r} holds more than {_MOST_FILES:,} documents; "
                "search a smaller folder"
            )
    return dict(sorted(found.items()))


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [*entries]
    except OSError:  # gone meanwhile, or not to be read
        return []


def in_step(index: Index, found: Mapping[str, os.stat_result]) -> bool:
    """Whether the index knows these documents as they are, by size and time of change."""
    return list(index.entries) == list(found) and all(
        _unchanged(index.entries[name], stat) for name, stat in found.items()
    )


def updated(
    index: Index,
    folder: Path,
    found: Mapping[str, os.stat_result],
    embedder: Embedder,
    progress: Progress,
) -> Index:
    """The index brought in step with what `scan` found; only new text is embedded."""
    import numpy as np

    entries = {
        name: _entry(folder / name, stat, index.entries.get(name)) for name, stat in found.items()
    }
    old = _rows(index)
    parts: list[NDArray[np.float32]] = []
    fresh: list[str] = []  # names whose passages are embedded now, in the order of `parts`
    for name, entry in entries.items():
        kept = old.get(name) if _same(entry, index.entries.get(name)) else None
        if kept is None:
            fresh.append(name)
        parts.append(np.empty((0, embedder.dimensions), np.float32) if kept is None else kept)
    new = _embed([one.text for name in fresh for one in entries[name].passages], embedder, progress)
    positions = {name: n for n, name in enumerate(entries)}
    start = 0
    for name in fresh:
        end = start + len(entries[name].passages)
        parts[positions[name]] = new[start:end]
        start = end
    vectors = np.concatenate([np.empty((0, embedder.dimensions), np.float32), *parts])
    words = Words(one.text for entry in entries.values() for one in entry.passages)
    return Index(entries=entries, vectors=indexed(vectors), words=words)


def _unchanged(entry: Entry, stat: os.stat_result) -> bool:
    return (entry.size, entry.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def _same(entry: Entry, before: Entry | None) -> bool:
    return before is not None and before.passages == entry.passages


def _entry(path: Path, stat: os.stat_result, before: Entry | None) -> Entry:
    if before is not None and _unchanged(before, stat):
        return before
    entry = Entry(size=stat.st_size, mtime_ns=stat.st_mtime_ns, sha256=_digest(path))
    if before is not None and before.sha256 == entry.sha256 != "":
        return replace(before, size=entry.size, mtime_ns=entry.mtime_ns)
    try:
        return replace(entry, passages=tuple(split(read_document(path))))
    except ToolError as error:
        return replace(entry, problem=str(error))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # read_document says what is wrong
        return ""


def _rows(index: Index) -> dict[str, NDArray[Any]]:
    """The vectors of each document."""
    if index.vectors is None or index.vectors.ntotal == 0:
        return {}
    rows_of_all = every(index.vectors)
    rows: dict[str, NDArray[Any]] = {}
    start = 0
    for name, entry in index.entries.items():
        rows[name] = rows_of_all[start : start + len(entry.passages)]
        start += len(entry.passages)
    return rows


def _embed(texts: list[str], embedder: Embedder, progress: Progress) -> NDArray[Any]:
    import numpy as np

    vectors = np.zeros((len(texts), embedder.dimensions), np.float32)
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        vectors[start : start + len(batch)] = embedder.embed(batch)
        progress(start + len(batch), len(texts))
    return vectors
