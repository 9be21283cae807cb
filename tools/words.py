"""Passages by the words that they share with a query: BM25, from SQLite's full-text index.

Vectors of meaning blur names and numbers, which is what words are good at.

>>> words = Words(["Room Cedar seats 30 people.", "A projector costs 15 euros."])
>>> words.shares("price of Cedar")
{0: 1.0}
>>> Words.read(words.data()).shares("projectors")
{1: 1.0}
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from math import log
from threading import Lock
from typing import TYPE_CHECKING
from weakref import finalize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 100
"""Passages that a query can find."""

_WEIGHED = 3_000
"""Passages that are weighed: the rarest words of a query come first, and what would lead beyond is
left out. Among 100,000 passages "the" alone took a quarter of a second and told nothing."""

_REPEATED, _LONG = 1.2, 0.75
"""BM25's two numbers as SQLite has them: what a repetition and a passage's length count for."""

_ASKED = """
create virtual table temp.asked using fts5(text, tokenize=porter);
create virtual table temp.stem using fts5vocab(temp, asked, instance);
create virtual table temp.known using fts5vocab(main, passage, row);
create virtual table temp.place using fts5vocab(main, passage, instance);
"""


class Words:
    """The words of passages, by the number of the passage. Any thread may ask."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._open(b"")
        with self._database as one:
            one.executemany("insert into passage(rowid, text) values (?, ?)", enumerate(texts))

    @classmethod
    def read(cls, data: bytes) -> Words:
        """What `data` gave, of an index that has not been altered since."""
        made = cls.__new__(cls)
        made._open(data)
        return made

    def _open(self, data: bytes) -> None:
        self._lock = Lock()
        self._counts: dict[str, int] = {}  # passages with a stem, as far as they were asked for
        self._sizes: NDArray[np.float64] | None = None
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        finalize(self, self._database.close)
        if data:
            self._database.deserialize(data)
        else:
            self._database.execute(
                "create virtual table passage using fts5(text, content='', tokenize=porter)"
            )
        self._database.executescript(_ASKED)

    def __len__(self) -> int:
        with self._lock:
            return len(self._lengths())

    def data(self) -> bytes:
        """The whole index."""
        with self._lock:
            return self._database.serialize()

    def shares(self, query: str) -> dict[int, float]:
        """The passages with a word of the query: how well they match, as a share of the best.

        SQLite's own `bm25` gives the same, but looks each passage up anew: it took 7 ms for what
        takes 2 so.
        """
        import numpy as np

        with self._lock:
            (stems,) = self._stems([query])
            weighed = [self._weighed(stem) for stem in self._telling(stems)]
        if not weighed:
            return {}
        rows, where = np.unique(np.concatenate([rows for rows, _ in weighed]), return_inverse=True)
        total = np.bincount(where, np.concatenate([scores for _, scores in weighed]))
        best = np.lexsort((rows, -total))[:MOST]
        return dict(zip(rows[best].tolist(), (total[best] / total[best[0]]).tolist(), strict=True))

    def _telling(self, stems: Iterable[str]) -> list[str]:
        """The stems that passages have, rarest first, as far as `_WEIGHED` goes."""
        counts = {stem: count for stem in stems if (count := self._count(stem))}
        chosen: list[str] = []
        weighed = 0
        for stem in sorted(counts, key=lambda stem: (counts[stem], stem)):
            weighed += counts[stem]
            if chosen and weighed > _WEIGHED:
                break
            chosen.append(stem)
        return chosen

    def _weighed(self, stem: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The passages with a stem that some have, and what each has of BM25 for it."""
        import numpy as np

        (places,) = self._database.execute(
            "select group_concat(doc) from temp.place where term = ?", (stem,)
        ).fetchone()
        rows, times = np.unique(np.fromstring(places, np.int64, sep=","), return_counts=True)
        sizes = self._lengths()
        rare = max(log((len(sizes) - len(rows) + 0.5) / (len(rows) + 0.5)), 1e-6)
        long = 1 - _LONG + _LONG * sizes[rows] / sizes.mean()
        return rows, rare * times * (_REPEATED + 1) / (times + _REPEATED * long)

    def _lengths(self) -> NDArray[np.float64]:
        """Words of each passage. SQLite keeps the number in one byte, or in 7 bits of several."""
        import numpy as np

        if self._sizes is None:
            found = self._database.execute("select sz from passage_docsize order by id")
            self._sizes = np.array([_number(size) for (size,) in found], np.float64)
        return self._sizes

    def covered(self, query: str, texts: Sequence[str]) -> float:
        """The share of the query's words that one of the texts has; what few passages have counts
        more."""
        with self._lock:
            asked, *held = self._stems([query, *texts])
            size = len(self._lengths())
            weights = {
                stem: max(log((size + 1) / (self._count(stem) + 0.5)) - log(2), 0.0)
                for stem in asked
            }
        total = sum(weights.values())
        most = max((sum(weights[stem] for stem in asked & one) for one in held), default=0.0)
        return most / total if total else 0.0

    def _stems(self, texts: Sequence[str]) -> list[set[str]]:
        """The stems of the words of each text."""
        found: list[set[str]] = [set() for _ in texts]
        with self._database as one:
            one.execute("delete from temp.asked")
            one.executemany("insert into temp.asked(rowid, text) values (?, ?)", enumerate(texts))
            for number, stem in one.execute("select doc, term from temp.stem").fetchall():
                found[int(number)].add(stem)
        return found

    def _count(self, stem: str) -> int:
        if stem not in self._counts:
            row = self._database.execute(
                "select doc from temp.known where term = ?", (stem,)
            ).fetchone()
            self._counts[stem] = row[0] if row else 0
        return self._counts[stem]


def _number(packed: bytes) -> int:
    found = 0
    for byte in packed:
        found = found << 7 | byte & 0x7F
    return found
