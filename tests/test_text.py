"""Untrusted text on a terminal: nothing in it is obeyed, and it stays short."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.text import arguments, count_bytes, digest, inert, inert_json, one_line
from agentkit.types import Json

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_inert_text_has_nothing_a_terminal_obeys(text: str) -> None:
    shown = inert(text)
    assert [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\n\t"] == []
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("good\rbad", "good\\x0dbad"),
        ("abc\u202egnp.exe", "abc\\u202egnp.exe"),
        ("Zoë 東京 ✓\n\t", "Zoë 東京 ✓\n\t"),
    ],
)
def test_inert(text: str, shown: str) -> None:
    assert inert(text) == shown


@given(ANY_TEXT, st.integers(1, 120))
def test_one_line_is_one_line_of_that_width(text: str, width: int) -> None:
    shown = one_line(text, width)
    assert len(shown) <= width
    assert "\n" not in shown


@given(ANY_TEXT)
def test_json_that_is_inert_reads_back_as_it_was(text: str) -> None:
    written = inert_json({text: [text]})
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert json.loads(written) == {whole: [whole]}  # halves that meet are a pair
    assert inert(written) == written and "\n" not in written
    written.encode()


def test_what_is_far_behind_a_line_is_not_looked_at() -> None:
    assert one_line(" " * 10_000 + "x") == "…"
    assert one_line("a" + " " * 10_000 + "x") == "a…"
    assert digest(" " * 10_000) == '"…'
    assert digest({name: 1 for name in map(str, range(10_000))}).endswith("…")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        ("hello", '"hello"'),
        ([1, 2], "2 items"),
        ([1], "1 item"),
        (173.066, "173.066"),
        (True, "true"),
        ({"value": 42, "code": "x = 42"}, "42"),
        ({"text": "a talk", "segments": []}, '"a talk"'),
        ({"size_bytes": 123_456, "sha256": "ab", "name": "call.wav"}, "call.wav (123.5 kB)"),
        ({"lat": 1, "lon": 2}, "{lat, lon}"),
    ],
)
def test_digest(value: Json, shown: str) -> None:
    assert digest(value) == shown


def test_arguments_name_each_value_unless_there_is_one() -> None:
    assert arguments({"query": "late fees"}) == '"late fees"'
    assert arguments({"query": "fees", "k": 5}) == 'query="fees", k=5'


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (1_117_320_768, "1.1 GB")],
)
def test_sizes_for_people(size: int, shown: str) -> None:
    assert count_bytes(size) == shown
