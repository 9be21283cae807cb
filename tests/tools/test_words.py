"""The words of many passages: what is common is left out, what is rare decides."""

from __future__ import annotations

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
    assert words.covered("the toll", "tolls of the bridge") == 1.0
    assert words.covered("the toll", "the bridge") == 0.0
    assert 0.3 < words.covered("toll of Lark", "the toll of Kestrel") < 0.7
    assert words.covered("", "the toll") == Words().covered("toll", "toll") == 0.0
