"""Passages by the words that they share with a query: BM25, in SQLite's full-text index.

Vectors of meaning blur names and numbers, which is what words are good at.

>>> words = Words(["Room Cedar seats 30 people.", "A projector costs 15 euros."])
>>> words.shares("price of Cedar")
{0: 1.0}
>>> Words.read(words.data()).shares("projectors")
{1: 1.0}
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from math import log
from threading import Lock
from weakref import finalize

MOST = 100
"""Passages that a query can find."""

_WEIGHED = 3_000
"""Passages that are weighed: the rarest words of a query come first, and what would lead beyond is
left out. Among 100,000 passages "the" alone took a quarter of a second and told nothing."""


class Words:
    """The words of passages, by the number of the passage. Any thread may ask."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._open(b"")
        with self._database as one:
            one.execute(
                "create virtual table passage using fts5(text, content='', tokenize=porter)"
            )
            one.execute("create virtual table known using fts5vocab(passage, row)")
            one.execute("create virtual table asked using fts5(text, tokenize=porter)")
            one.execute("create virtual table stem using fts5vocab(asked, instance)")
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
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        finalize(self, self._database.close)
        if data:
            self._database.deserialize(data)

    def data(self) -> bytes:
        """The whole index."""
        with self._lock:
            return self._database.serialize()

    def shares(self, query: str) -> dict[int, float]:
        """The passages with a word of the query: how well they match, as a share of the best."""
        words = _words(query)
        with self._lock:
            wanted = " OR ".join(f'"{word}"' for word in self._telling(words))
            if not wanted:
                return {}
            found = self._database.execute(
                "select rowid, -rank from passage where passage match ? order by rank limit ?",
                (wanted, MOST),
            ).fetchall()
        most = max((score for _, score in found), default=0.0)
        return {row: score / most for row, score in found} if most > 0 else {}

    def _telling(self, words: list[str]) -> list[str]:
        """The words that passages have, rarest first, as far as `_WEIGHED` goes."""
        counts = {words[n]: self._count(stem) for n, stem in self._stems(words).items()}
        chosen: list[str] = []
        weighed = 0
        for word in sorted(filter(counts.get, counts), key=lambda word: counts[word]):
            weighed += counts[word]
            if chosen and weighed > _WEIGHED:
                break
            chosen.append(word)
        return chosen

    def covered(self, query: str, text: str) -> float:
        """The share of the query's words that the text has; what few passages have counts more."""
        with self._lock:
            held = {*self._stems(_words(text)).values()}
            (size,) = self._database.execute("select count(*) from passage_docsize").fetchone()
            weights = {
                stem: max(log((size + 1) / (self._count(stem) + 0.5)) - log(2), 0.0)
                for stem in self._stems(_words(query)).values()
            }
        total = sum(weights.values())
        return sum(weights[stem] for stem in weights.keys() & held) / total if total else 0.0

    def _stems(self, words: list[str]) -> dict[int, str]:
        """The stem of each word that has one, by its number."""
        with self._database as one:
            one.execute("delete from asked")
            one.executemany("insert into asked(rowid, text) values (?, ?)", enumerate(words))
            return dict(one.execute("select doc, term from stem").fetchall())

    def _count(self, stem: str) -> int:
        if stem not in self._counts:
            row = self._database.execute("select doc from known where term = ?", (stem,)).fetchone()
            self._counts[stem] = row[0] if row else 0
        return self._counts[stem]


def _words(text: str) -> list[str]:
    return [*dict.fromkeys(re.findall(r"\w+", text.lower()))]
