"""The tool `search`: passages of a folder's documents by meaning and by words."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from agentkit.budget import FREE
from agentkit.errors import ToolError, UsageError
from agentkit.models.assemble import exclusive
from agentkit.tool import Context, Tool, tool
from agentkit.tools.embed import MiniLM
from agentkit.tools.index import Index, Progress, in_step, scan, updated
from agentkit.tools.index_file import load, save
from agentkit.tools.words import Words

if TYPE_CHECKING:
    from agentkit.protocols import Embedder


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A passage of a document; `location` is a line or page, `score` says how well it fits: the
    cosine to the query, and up to 0.3 for its words.

    Where documents could not be read, a last passage with score 0 says which and why.
    """

    text: str
    score: float
    source: str
    location: str


def search(
    folder: str | Path = ".",
    *,
    passages: int = 5,
    index: str | Path = ".agentkit/index",
    embedder: Embedder | None = None,
) -> Tool[Any, Any]:
    """A tool that finds passages in the documents (.md, .txt, .pdf) below a folder.

    It gives `passages` of them where a call does not say how many: fewer are quicker to read for a
    small model, more are surer to hold the answer.

    The vectors are kept below `index` and brought in step with the folder at each call: only
    changed files are embedded again. Raises `UsageError` if `folder` is not a folder.

    >>> import tempfile
    >>> place = tempfile.mkdtemp()
    >>> _ = Path(place, "office.md").write_text("# Visitors\\nA visitor wears a yellow badge.")
    >>> [hit] = search(place, index=place + "/.index")(query="What does a guest wear?")
    >>> hit.source, hit.location, hit.text
    ('office.md', 'line 2', 'Visitors\\nA visitor wears a yellow badge.')
    """
    place = Path(folder).resolve()
    if not place.is_dir():
        raise UsageError(f"search: expected a folder, came {str(folder)!r}; create it first")
    chosen = embedder or MiniLM()
    shelf = _Shelf(place, Path(index), chosen)

    @tool(name="search", effect="read", trusted=False, timeout_s=900.0, expected_s=0.1, cost=FREE)
    def find(
        query: str,
        k: Annotated[int, Field(ge=1, le=50)] = passages,
        *,
        context: Context | None = None,
    ) -> list[Passage]:
        """Search the documents for passages that answer a question or tell about a topic.

        Args:
            query: What to look for, in words.
            k: How many passages to give, best first.
        """
        if not query.strip():
            raise ToolError("query: expected words to look for, came an empty text")
        index, words = shelf.current(_progress(context))
        hits = [
            Passage(text=one.text, score=round(score, 4), source=name, location=one.location)
            for score, name, one in index.nearest(_vectors(query, chosen), words.shares(query), k)
        ]
        return hits + _unreadable(index)

    return find


_PARTS = re.compile(r"(?<=[.!?])\s+|[,;]|\b(?:and|or)\b")
_MOST_PARTS = 32
_PART_WEIGHT = 0.95  # of two equal matches, that of the whole query counts


class _Shelf:
    """The index of one folder: on disk, and in memory while the disk says the same."""

    def __init__(self, folder: Path, index: Path, embedder: Embedder) -> None:
        self._folder = folder
        self._embedder = embedder
        self._place = index / hashlib.sha256(str(folder).encode()).hexdigest()[:16]
        self._lock = Lock()  # searches run side by side in threads; one of them updates
        self._open: tuple[Index, Words] | None = None

    def current(self, progress: Progress) -> tuple[Index, Words]:
        """The index in step with the folder, and the words of its passages.

        Raises `ToolError` if nothing in the folder can be read.
        """
        with self._lock:
            found = scan(self._folder)
            if not found:
                raise ToolError(
                    f"there are no documents in {str(self._folder)!r}; "
                    "put .md, .txt or .pdf files there"
                )
            if self._open is None or not in_step(self._open[0], found):
                index = self._update(progress)
                self._open = index, Words(one.text for _, one in index.passages)
            self._require_passages(self._open[0])
            return self._open

    def _update(self, progress: Progress) -> Index:
        path = self._place / "passages.index"
        with exclusive(self._place):  # another process may be at it, or have done it
            found = scan(self._folder)
            index = load(path, self._embedder) or Index()
            if index.vectors is None or not in_step(index, found):
                index = updated(index, self._folder, found, self._embedder, progress)
                save(path, index, self._embedder)
            return index

    def _require_passages(self, index: Index) -> None:
        if not index.passages:
            reasons = "; ".join(f"{name}: {why}" for name, why in [*index.problems.items()][:5])
            raise ToolError(f"no document in {str(self._folder)!r} can be read: {reasons}")


def _vectors(query: str, embedder: Embedder) -> list[list[float]]:
    """The vectors of the query and of its parts.

    One vector of "rooms, meals and train tickets" lies between three topics and near none. On the
    example handbook 51 of 59 facts were among the first five passages with parts, 47 without.
    """
    parts = dict.fromkeys(part.strip() for part in _PARTS.split(query))
    texts = [query, *(part for part in parts if len(part) > 2 and part != query.strip())]
    whole, *others = embedder.embed(texts[: 1 + _MOST_PARTS])
    return [[*whole], *([_PART_WEIGHT * x for x in vector] for vector in others)]


def _unreadable(index: Index) -> list[Passage]:
    problems = index.problems
    if not problems:
        return []
    named = "; ".join(f"{name}: {why}" for name, why in [*problems.items()][:5])
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    text = f"Not searched, because it could not be read: {named}{more}"
    return [Passage(text=text, score=0.0, source=next(iter(problems)), location="")]


def _progress(context: Context | None) -> Progress:
    def tell(done: int, total: int) -> None:
        if context is not None:
            context.progress(done, total, "passages")

    return tell
