"""Citations in an answer: only of what exists, however the answer is cut into pieces."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from agentkit.planners.cites import CiteFilter, attached, cited, sentences, without_unknown

KNOWN = frozenset(("menu", "hits_1", "a"))
PARTS = st.sampled_from(
    ["[", "]", "[menu]", " [rumour]", "menu", "hits_1", "rumour", ", ", ",", " ", "\n", "(", ")",
     "1", "Tea is 3.", "[[", "]]", "[menu, rumour]", "[link](url)", "x" * 90]
)  # fmt: skip
WRITTEN = st.lists(PARTS | st.text(max_size=4), max_size=20).map("".join)


def streamed(text: str, cuts: list[int]) -> str:
    """What a filter shows of a text that comes in pieces of these lengths."""
    shown, at = CiteFilter(KNOWN), 0
    out: list[str] = []
    for length in [*cuts, len(text)]:
        out.append(shown.feed(text[at : at + length]))
        at += length
    return "".join([*out, shown.close()])


@given(WRITTEN, st.lists(st.integers(1, 9), max_size=40))
@example(f"So [{', '.join(['menu'] * 20)}, rumour].", [30, 60])
def test_pieces_come_to_what_the_whole_text_comes_to(text: str, cuts: list[int]) -> None:
    assert streamed(text, cuts) == without_unknown(text, KNOWN)


@given(WRITTEN)
def test_what_is_left_cites_only_what_exists(text: str) -> None:
    left = without_unknown(text, KNOWN)
    assert set(cited(left, KNOWN)) == set(cited(text, KNOWN)) <= KNOWN


@given(st.lists(st.sampled_from([*KNOWN, "rumour", "x1"]), min_size=1, max_size=5))
def test_of_several_names_the_known_ones_stay(names: list[str]) -> None:
    kept = [name for name in names if name in KNOWN]
    expected = f"Tea [{', '.join(kept)}]." if kept else "Tea."
    assert without_unknown(f"Tea [{', '.join(names)}].", KNOWN) == expected
    assert cited(expected, KNOWN) == tuple(dict.fromkeys(kept))


def test_brackets_that_are_no_citation_stay() -> None:
    for text in ("[link](https://x.org)", "[1]", "[ ]", "[x]y[", "[two words]", "a [b\nc]"):
        assert without_unknown(text, KNOWN | {"x"}) == text


def test_text_passes_at_once_and_only_brackets_wait() -> None:
    shown = CiteFilter(KNOWN)
    pieces = ["Tea ", "is 3", " [me", "nu", "]", ". Cake", " [rumour]", " is free."]
    assert [shown.feed(piece) for piece in pieces] == [
        "Tea", " is 3", "", "", "", " [menu]. Cake", "", " is free.",
    ]  # fmt: skip
    assert shown.close() == ""


@given(st.text(alphabet="aB.!? \n1\"'", max_size=40))
def test_sentences_together_are_the_text(text: str) -> None:
    assert "".join(sentence + gap for sentence, gap in sentences(text)) == text


SOURCES = {"menu": "tea 3 euros", "times": "ferry at 9:40"}


@given(st.text(max_size=60))
def test_an_attached_source_exists_and_the_sentence_stays(sentence: str) -> None:
    made = attached(sentence, SOURCES)
    assert re.sub(r" \[(menu|times)\]", "", made, count=1) in (sentence, made)
    assert made == sentence or cited(made, SOURCES)


def test_a_source_is_attached_only_where_it_holds_the_words() -> None:
    assert attached("Tea costs 3 euros!", SOURCES) == "Tea costs 3 euros [menu]!"
    assert attached("Nobody knows why.", SOURCES) == "Nobody knows why."
    assert attached("Tea costs 3 euros [times].", SOURCES) == "Tea costs 3 euros [times]."
    assert attached("Tea.", {}) == "Tea."
