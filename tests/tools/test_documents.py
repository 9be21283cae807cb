"""Reading documents and cutting them into passages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.errors import ToolError
from agentkit.tools.chunks import split
from agentkit.tools.documents import Paragraph, read_document


def write(path: Path, text: str) -> list[Paragraph]:
    """The paragraphs of a file with this text."""
    path.write_text(text, "utf-8")
    return read_document(path)


def test_markdown_has_headings_and_lines(tmp_path: Path) -> None:
    text = "# Trip\n\nBook early.\nPay late.\n\n## Cars ##\n```\n# no heading\n```\n"
    assert write(tmp_path / "a.md", text) == [
        Paragraph(text="Book early.\nPay late.", heading="Trip", line=3),
        Paragraph(text="```\n# no heading\n```", heading="Cars", line=7),
    ]


def test_plain_text_has_headings_where_a_short_line_stands_alone(tmp_path: Path) -> None:
    text = "RULES\nValid from May.\n\nVisitors\n\nThey sign in.\n\nA sentence alone.\n\nlast words"
    found = [(one.heading, one.text, one.place) for one in write(tmp_path / "a.txt", text)]
    assert found == [
        ("RULES", "Valid from May.", "line 2"),
        ("Visitors", "They sign in.", "line 6"),
        ("Visitors", "A sentence alone.", "line 8"),
        ("Visitors", "last words", "line 10"),
    ]


def test_pdf_has_pages_and_numbered_headings(data: Path) -> None:
    found = read_document(data / "handbook" / "venue-agreement.pdf")
    rates = next(one for one in found if "95 euros per person and night" in one.text)
    assert (rates.heading, rates.place) == ("2. Rates for rooms and meals", "page 1")
    assert {one.place for one in found} == {"page 1", "page 2"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.md", b"", "it is empty"),
        ("a.txt", b" \n\n", "it is empty"),
        ("a.txt", b"caf\xe9", "byte 3 is not UTF-8"),
        ("a.txt", b"a\0b", "binary data"),
        ("a.pdf", b"no pdf at all", "not a PDF"),
        ("a.pdf", b"%PDF-1.7\n" + b"x" * 500, "cut off before its end"),
        ("a.pdf", b"%PDF-1.7\n" + b"\xff" * 500 + b"\n%%EOF", "damaged"),
    ],
)
def test_a_bad_file_is_told_in_one_sentence(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ToolError, match=message) as caught:
        read_document(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_damaged_pdf_never_raises_anything_else(data: Path, tmp_path: Path) -> None:
    whole = (data / "handbook" / "venue-agreement.pdf").read_bytes()
    for start in range(20, len(whole) - 20, 97):
        path = tmp_path / "cut.pdf"
        path.write_bytes(whole[:start] + b"<<" * 10 + whole[start + 20 :])
        try:
            assert read_document(path)
        except ToolError as error:
            assert "PDF" in str(error)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="cannot be opened: No such file"):
        read_document(tmp_path / "gone.md")


def test_passages_stay_within_their_heading_and_page() -> None:
    parts = [
        Paragraph(text="a" * 300, heading="One", line=1),
        Paragraph(text="b" * 200, heading="One", line=5),
        Paragraph(text="c" * 300, heading="One", line=9),
        Paragraph(text="d", heading="Two", line=12),
    ]
    found = [(one.text.split("\n")[0], len(one.text), one.location) for one in split(parts)]
    assert found == [("One", 506, "line 1"), ("One", 304, "line 9"), ("Two", 5, "line 12")]


@given(st.text(alphabet="ab .!?\n", max_size=4000))
def test_no_text_is_lost_or_added(text: str) -> None:
    chunks = split([Paragraph(text=text, line=1)], target=100)
    assert "".join("".join(one.text.split()) for one in chunks) == "".join(text.split())
    assert all(len(one.text) <= 150 for one in chunks)
