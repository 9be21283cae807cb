"""The words of many passages: what is common is left out, what is rare decides."""

from __future__ import annotations

import random
import sqlite3

import pytest

from agentkit.tools.words import Words


def test_a_common_word_beside_a_rare_one_changes_nothing() -> None:
    texts = [f"the river {n} flows" for n in range(5_000)]
    texts[4_321] = "the canal ends"
    words = Words(texts)
    assert words.shares("the canal") == words.shares("canal") == {4_321: 1.0}
    assert words.shares("What ends the canals?") == {4_321: 1.0}
    assert len(words.shares("the")) == 100, "a common word alone still finds"


def test_a_query_is_words_whatever_it_holds() -> None:
    words = Words(["NEAR the sea", "rock AND roll", "caf\u00e9"])
    assert words.shares('"sea" OR (rock* ^ - : NEAR)').keys() == {0, 1}
    assert words.shares("CAF\u00c9") == {2: 1.0}
    assert words.shares("'; drop table passage; --") == words.shares("?!") == {}
    assert Words().shares("sea") == {}


def test_rare_words_of_a_query_count_more_in_what_a_text_covers() -> None:
    words = Words([f"the bridge number {n}" for n in range(50)] + ["the toll of Kestrel"])
    assert words.covered("the toll", ["a bridge", "tolls of the bridge"]) == 1.0
    assert words.covered("the toll", ["the bridge"]) == 0.0
    assert 0.3 < words.covered("toll of Lark", ["the toll of Kestrel"]) < 0.7
    assert words.covered("", ["the toll"]) == Words().covered("toll", ["toll"]) == 0.0


def test_it_is_bm25_as_sqlite_has_it() -> None:
    """Passages of up to two hundred words, some of them several times."""
    chance = random.Random(2)
    known = [f"{stem}ing" for stem in "walk jump sail paint cook read wait climb".split()]
    texts = [" ".join(chance.choices(known, k=chance.randint(1, 200))) for _ in range(40)]
    texts += ["lamps only"] * 60
    database = sqlite3.connect(":memory:")
    database.execute("create virtual table passage using fts5(text, tokenize=porter)")
    database.executemany("insert into passage(rowid, text) values (?, ?)", enumerate(texts))
    found = database.execute(
        "select rowid, -rank from passage where passage match 'walks OR painted' order by rank"
    ).fetchall()
    database.close()
    best = found[0][1]
    shares = Words(texts).shares("Who walks, who painted?")
    assert shares == {row: pytest.approx(score / best) for row, score in found}
    assert [*shares.values()] == sorted(shares.values(), reverse=True)
