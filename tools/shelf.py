"""A folder's documents as a shelf: what is nearest to a query, of the folder as it is now."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from agentkit.errors import ToolError, UsageError
from agentkit.models.assemble import exclusive
from agentkit.tools.chunks import Chunk
from agentkit.tools.index import Contents, Fusion, Index, Progress, scan, updated
from agentkit.tools.index_file import load, save

if TYPE_CHECKING:
    from agentkit.protocols import Embedder

_PARTS = re.compile(r"(?<=[.!?])\s+|[,;]|\b(?:and|or)\b")
_MOST_PARTS = 32
_PART_WEIGHT = 0.95  # of two equal matches, that of the whole query counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Passages, best first, with their score and document; and what could not be read, and why.

    `support` says how surely they are about the query: the largest cosine of a passage, and half of
    the largest share of the query's words that one of the hits has.
    """

    hits: list[tuple[float, str, Chunk]]
    support: float
    problems: Mapping[str, str]


class Shelf:
    """The index of one folder: on disk, and in memory while the disk says the same.

    Any number of processes may read it while one brings it in step with the folder. Raises
    `UsageError` if `folder` is not a folder; `who` is named then.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        index: str | Path,
        contents: Contents,
        who: str,
        fusion: Fusion = "scores",
    ) -> None:
        self._folder = Path(folder).resolve()
        if not self._folder.is_dir():
            raise UsageError(f"{who}: expected a folder, came {str(folder)!r}; create it first")
        self._contents = contents
        self._fusion: Fusion = fusion
        name = hashlib.sha256(str(self._folder).encode()).hexdigest()[:16]
        self._place = Path(index) / name / f"{contents.kind}.index"
        self._lock = Lock()  # searches run side by side in threads; one of them updates
        self._open: Index | None = None

    def nearest(self, query: str, k: int, progress: Progress) -> Found:
        """The k best passages. Raises `ToolError` if nothing in the folder can be read."""
        index = self.current(progress)
        vectors = _vectors(query, self._contents.embedder)
        shares = index.words.shares(query)
        meaning = index.by_meaning(vectors, k, shares)
        hits = index.best(meaning, shares, k, self._fusion)
        words = index.words.covered(query, [one.text for _, _, one in hits])
        support = max(meaning.values()) + words / 2
        return Found(hits=hits, support=support, problems=index.problems)

    def current(self, progress: Progress) -> Index:
        """The index as the folder is now. Raises `ToolError` if nothing in it can be read."""
        with self._lock:
            found = scan(self._folder, self._contents.suffixes)
            if not found:
                raise ToolError(self._contents.advice.format(folder=str(self._folder)))
            if self._open is None or self._open.known != found:
                self._open = self._update(progress)
            self._require_passages(self._open)
            return self._open

    def _update(self, progress: Progress) -> Index:
        path, contents = self._place, self._contents
        with exclusive(path.parent):  # another process may be at it, or have done it
            found = scan(self._folder, contents.suffixes)
            index = load(path, contents.embedder) or Index()
            if not index.whole or index.known != found:

                def keep(one: Index) -> None:
                    save(path, one, contents.embedder)

                index = updated(index, self._folder, found, contents, progress, keep)
                keep(index)
            return index

    def _require_passages(self, index: Index) -> None:
        if not index.passages:
            reasons = "; ".join(f"{name}: {why}" for name, why in [*index.problems.items()][:5])
            raise ToolError(f"nothing in {str(self._folder)!r} can be read: {reasons}")


def _vectors(query: str, embedder: Embedder) -> list[list[float]]:
    """The vectors of the query and of its parts.

    One vector of "rooms, meals and train tickets" lies between three topics and near none. On the
    example handbook 51 of 59 facts were among the first five passages with parts, 47 without.
    """
    parts = dict.fromkeys(part.strip() for part in _PARTS.split(query))
    texts = [query, *(part for part in parts if len(part) > 2 and part != query.strip())]
    whole, *others = embedder.embed(texts[: 1 + _MOST_PARTS])
    return [[*whole], *([_PART_WEIGHT * x for x in vector] for vector in others)]
