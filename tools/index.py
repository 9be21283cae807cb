"""Passages and their vectors, kept in step with a folder of documents.

Only files that changed are read and embedded again; the vectors of the others are taken over.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from agentkit.errors import ToolError
from agentkit.tools.chunks import Chunk, split
from agentkit.tools.documents import SUFFIXES, read_document
from agentkit.tools.vectors import every, indexed, plain
from agentkit.tools.words import Words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agentkit.protocols import Embedder

_MOST_FILES = 10_000
_BATCH = 64
_KEPT = 2_000
"""Passages that are embedded before what there is is kept: with MiniLM a minute's work."""
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


Found: TypeAlias = Mapping[str, tuple[int, int]]
"""Documents by relative path: size in bytes, and when they were changed, in nanoseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What an index holds of a folder: the files with these suffixes, cut to passages by `read`,
    which raises `ToolError` for a file that is damaged, and the vectors that `embed` gives these.

    `embedder` has the name and the dimensions of the vectors. `kind` names the index, and messages
    say `advice` where there is no such file.
    """

    kind: str
    suffixes: tuple[str, ...]
    advice: str
    embedder: Embedder
    by_text: bool
    """Whether passages of the same text have the same vector, whatever else of a file changed."""
    read: Callable[[Path], Iterable[Chunk]]
    embed: Callable[[Sequence[tuple[Path, Chunk]]], Sequence[Sequence[float]]]


def documents(embedder: Embedder) -> Contents:
    """The passages of texts, by their meaning."""
    return Contents(
        kind="passages",
        suffixes=SUFFIXES,
        advice="there are no documents in {folder!r}; put .md, .txt or .pdf files there",
        embedder=embedder,
        by_text=True,
        read=lambda path: split(read_document(path)),
        embed=lambda passages: embedder.embed([one.text for _, one in passages]),
    )


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

    @cached_property
    def known(self) -> Found:
        """The documents as the index knows them: what `scan` gives, where nothing has changed."""
        return {name: (entry.size, entry.mtime_ns) for name, entry in self.entries.items()}

    @property
    def whole(self) -> bool:
        """Whether its passages can be found; else it is a beginning, kept to go on from."""
        return self.vectors is not None and len(self.words) == len(self.passages)

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
        most = min(k + _MORE, len(self.passages))
        best: dict[int, float] = {}
        for query in queries:  # of several at once FAISS would make threads, for a millisecond
            scores, rows = self.vectors.search(query[None], most)
            for score, row in zip(scores[0].tolist(), rows[0].tolist(), strict=True):
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


def scan(folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> Found:
    """The files with these suffixes below a folder; links and dot names are left out.

    Raises `ToolError` if the folder is gone or holds more than 10,000 of them.
    """
    if not folder.is_dir():
        raise ToolError(f"there is no folder {str(folder)!r}; create it and put documents in it")
    found: dict[str, tuple[int, int]] = {}
    places = [""]
    while places:
        place = places.pop()
        for one in _listed(folder / place):
            name = one.name
            if name.startswith("."):
                continue
            if name.lower().endswith(suffixes) and one.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):  # gone meanwhile
                    stat = one.stat(follow_symlinks=False)
                    found[place + name] = (stat.st_size, stat.st_mtime_ns)
            elif one.is_dir(follow_symlinks=False):
                places.append(f"{place}{name}/")
        if len(found) > _MOST_FILES:
            raise ToolError(
                f"{str(folder)!r} holds more than {_MOST_FILES:,} documents; "
                "search a smaller folder"
            )
    return found


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [*entries]
    except OSError:  # gone meanwhile, or not to be read
        return []


def updated(
    index: Index,
    folder: Path,
    found: Found,
    contents: Contents,
    progress: Progress,
    keep: Callable[[Index], None],
) -> Index:
    """The index brought in step with what `scan` found; only new passages are embedded.

    `keep` is given what there is so far, now and then, to go on from after an interruption: an
    index of some of the documents that is not `whole`.
    """
    entries = {
        name: _entry(folder / name, *found[name], index.entries.get(name), contents.read)
        for name in sorted(found)
    }
    rows = {
        name: kept
        for name, kept in _rows(index).items()
        if name in entries and _same(entries[name], index.entries[name], contents.by_text)
    }
    fresh = [name for name in entries if name not in rows]
    width = contents.embedder.dimensions
    left = total = sum(len(entries[name].passages) for name in fresh)
    for names in _groups(fresh, entries):
        if left < total:
            done = {name: entry for name, entry in entries.items() if name in rows}
            keep(Index(entries=done, vectors=plain(_joined(done, rows, width))))
        passages = [(folder / name, one) for name in names for one in entries[name].passages]
        new = _embed(passages, contents, progress, total - left, total)
        left -= len(passages)
        for name in names:
            count = len(entries[name].passages)
            rows[name], new = new[:count], new[count:]
    words = Words(one.text for entry in entries.values() for one in entry.passages)
    return Index(entries=entries, vectors=indexed(_joined(entries, rows, width)), words=words)


def _groups(names: Sequence[str], entries: Mapping[str, Entry]) -> Iterator[list[str]]:
    """The documents in groups with some passages each: what is lost where embedding is stopped."""
    group: list[str] = []
    count = 0
    for name in names:
        group.append(name)
        count += len(entries[name].passages)
        if count >= _KEPT:
            yield group
            group, count = [], 0
    if group:
        yield group


def _joined(names: Iterable[str], rows: Mapping[str, Any], width: int) -> NDArray[Any]:
    import numpy as np

    return np.concatenate([np.empty((0, width), np.float32), *(rows[name] for name in names)])


def _same(entry: Entry, before: Entry, by_text: bool) -> bool:
    return before.passages == entry.passages and (by_text or before.sha256 == entry.sha256)


def _entry(
    path: Path,
    size: int,
    mtime_ns: int,
    before: Entry | None,
    read: Callable[[Path], Iterable[Chunk]],
) -> Entry:
    if before is not None and (before.size, before.mtime_ns) == (size, mtime_ns):
        return before
    entry = Entry(size=size, mtime_ns=mtime_ns, sha256=_digest(path))
    if before is not None and before.sha256 == entry.sha256 != "":
        return replace(before, size=entry.size, mtime_ns=entry.mtime_ns)
    try:
        return replace(entry, passages=tuple(read(path)))
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


def _embed(
    passages: Sequence[tuple[Path, Chunk]],
    contents: Contents,
    progress: Progress,
    before: int,
    total: int,
) -> NDArray[Any]:
    """The vectors of the passages, which come after so many others of all."""
    import numpy as np

    vectors = np.zeros((len(passages), contents.embedder.dimensions), np.float32)
    for start in range(0, len(passages), _BATCH):
        batch = passages[start : start + _BATCH]
        vectors[start : start + len(batch)] = contents.embed(batch)
        progress(before + start + len(batch), total)
    return vectors
