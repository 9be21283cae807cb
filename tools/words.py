"""Passages by the words that they share with a query: BM25, in SQLite's full-text index.

Vectors of meaning blur names and numbers, which is what words are good at. The index is small and
made in memory, so that it needs no file to be kept in step.

>>> Words(["Room Cedar seats 30 people.", "A projector costs 15 euros."]).shares("price of Cedar")
{0: 1.0}
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from threading import Lock
from weakref import finalize

MOST = 100
"""Passages that a query can find."""


class Words:
    """The words of passages, by the number of the passage. Any thread may ask."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._lock = Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        finalize(self, self._database.close)
        self._database.execute("create virtual table passage using fts5(text, tokenize=porter)")
        self._database.executemany(
            "insert into passage(rowid, text) values (?, ?)", enumerate(texts)
        )

    def shares(self, query: str) -> dict[int, float]:
        """The passages with a word of the query: how well they match, as a share of the best."""
        wanted = " OR ".join(f'"{word}"' for word in dict.fromkeys(re.findall(r"\w+", query)))
        if not wanted:
            return {}
        with self._lock:
            found = self._database.execute(
                "select rowid, -rank from passage where passage match ? order by rank limit ?",
                (wanted, MOST),
            ).fetchall()
        most = max((score for _, score in found), default=0.0)
        return {row: score / most for row, score in found} if most > 0 else {}
